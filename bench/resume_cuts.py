#!/usr/bin/env python3
"""Cuts a run after each of 20 steps and lets it go on: the hash must be that of the run that was never cut. Four runs, chosen for what they keep
between steps beside weights and moments: how often who moves, an adaptive probability, averages, packs, classes.

  python3 bench/resume_cuts.py build/weft     prints a table in Markdown; exit code 1 if a hash differs
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

STEPS = 21
SMALL = ["--size", "16", "--width", "8", "--batch", "8", "--device", "cpu", "--threads", "1", "--set", "model.latent=4", "--set", "run.samples=1",
         "--set", "run.keep_last=1", "--samples-every", "0", "--seed", "5"]
RUNS = {
    "WGAN-GP": ["dcgan", "--data", "swatches", "--objective", "wasserstein", "--penalty", "wgan-gp", "--set", "model.d_norm=layer", "--set", "train.d_steps=3"],
    "r3gan, ADA, EMA": ["r3gan", "--data", "swatches", "--set", "train.augment=ada", "--set", "train.augment_interval=3", "--set", "train.augment_kimg=0.1",
                        "--set", "model.ema_half_life=50", "--set", "data.flip=true"],
    "packing": ["dcgan", "--data", "swatches", "--set", "train.packing=2", "--set", "train.mode_seeking=0.1", "--set", "model.ema=0.9"],
    "conditional": ["dcgan", "--data", "garments", "--set", "model.condition=concat", "--set", "train.augment=diffaugment"],
}


def train(weft, out, words, steps):
    done = subprocess.run([weft, "train", *words, *SMALL, "--out", str(out), "--steps", str(steps), "--resume", "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(done.args)}\nended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-cuts-"))
    wrong = 0
    print("| run | cut after | gone on with to the hash of the uncut run | parameters_sha256 |\n|---|---|---|---|", flush=True)
    for name, words in RUNS.items():
        whole = train(sys.argv[1], folder / "whole", words, STEPS)["parameters_sha256"]
        same = []
        for cut in range(1, STEPS):
            train(sys.argv[1], folder / "run", words, cut)
            end = train(sys.argv[1], folder / "run", words, STEPS)
            same.append(end["parameters_sha256"] == whole and end["resumed_at"] == cut)
            shutil.rmtree(folder / "run")
        shutil.rmtree(folder / "whole")
        wrong += same.count(False)
        print(f"| {name} | each of 1 to {STEPS - 1} of {STEPS} steps | {same.count(True)} of {len(same)} | `{whole[:12]}` |", flush=True)
    shutil.rmtree(folder)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
