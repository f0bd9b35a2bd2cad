#!/usr/bin/env python3
"""Kills a training run at every system call that saving makes, from outside, and resumes it: the hash must be that of the run
that was never stopped. Needs strace. The same sweep runs in the tests through
tensor/durable_file.h; this one does not trust that file.

  python3 bench/crash_sweep.py build/weft [--every N]     prints one line a system call, and a table in Markdown
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

CALLS = ["openat", "write", "fsync", "rename", "mkdir", "unlink", "rmdir"]
ERRORS = {"write": "ENOSPC", "fsync": "EIO", "rename": "EIO", "mkdir": "ENOSPC"}


def words(weft, out, *more):
    return [weft, "train", "dcgan", "--data", "swatches", "--out", str(out), "--size", "16", "--width", "2", "--batch", "4", "--steps", "6",
            "--device", "cpu", "--threads", "1", "--checkpoint-every", "2", "--set", "model.latent=3", "--set", "model.ema=0.5",
            "--set", "run.samples=1", "--set", "run.keep_last=1", "--set", "run.log_every=1", "--json", *more]


def run(command):
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "GOMP_SPINCOUNT": "1000"})


def finish(weft, out):
    done = run(words(weft, out, "--resume"))
    if done.returncode != 0:
        sys.exit(f"the resume failed with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["parameters_sha256"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weft")
    parser.add_argument("--every", type=int, default=1, help="only every N-th call of a kind")
    given = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-crash-"))
    whole = finish(given.weft, folder / "whole")
    print(f"uninterrupted: {whole}", flush=True)
    rows, wrong = [], 0
    for call in CALLS:
        log = folder / "trace"
        run(["strace", "-f", "-o", str(log), "-e", f"trace={call}", *words(given.weft, folder / "counted")])
        count = len(re.findall(rf"\b{call}\(", log.read_text()))
        shutil.rmtree(folder / "counted", ignore_errors=True)
        wishes = ["signal=SIGKILL"] + ([f"error={ERRORS[call]}"] if call in ERRORS else [])
        for wish in wishes:
            hit = good = 0
            for n in range(1, count + 1, given.every):
                out = folder / "run"
                shutil.rmtree(out, ignore_errors=True)
                first = run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{wish}:when={n}", *words(given.weft, out)])
                hit += first.returncode != 0
                same = finish(given.weft, out) == whole
                allowed = first.returncode in (0, 137, -9, 74, 1) if wish.startswith("signal") else first.returncode in (0, 74)
                good += same and allowed
                if not (same and allowed):
                    print(f"WRONG: {call} {wish} {n}: exit {first.returncode}, same hash: {same}\n{first.stderr}", flush=True)
            tried = len(range(1, count + 1, given.every))
            wrong += tried - good
            rows.append(f"| `{call}` | {wish.split('=')[1]} | {tried} of {count} | {hit} | {good} |")
            print(rows[-1], flush=True)
    shutil.rmtree(folder)
    print("\n| call | what was done to it | tried | ended the run | resumed to the same hash |\n|---|---|---|---|---|")
    print("\n".join(rows))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
