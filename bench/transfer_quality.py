#!/usr/bin/env python3
"""`weft transfer` on every pair of some contents and styles: what it takes, and how good it is, against the bars it is held to.

    bench/transfer_quality.py --weft build/weft --contents PHOTO... --styles PAINTING... [--size 256] [--structures 0.5 1] [--shading]

Figures are those of --report (weft/gan/measures.h); processor seconds and peak memory are the whole process's, of one thread, measured
in a run without the report, which is what a person waits for. 100 MB are 95.4 MiB. With --shading each pair is also run without it:
its bar is three quarters of that fall. Writes a Markdown table to stdout; exit code 3 if a bar does not hold.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--weft", default="build/weft")
parser.add_argument("--contents", nargs="+", required=True)
parser.add_argument("--styles", nargs="+", required=True)
parser.add_argument("--size", type=int, default=256)
parser.add_argument("--structures", nargs="+", type=float, default=[0.5, 1.0])
parser.add_argument("--shading", action="store_true", help="with --keep shading")
a = parser.parse_args()


def run(words):
    """Processor seconds, wall seconds, peak MiB."""
    start = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(words)}")
    return used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss / 1024


def falls(report):
    return {k: 1 - report["after"][k][0] / report["before"][k][0] for k in ("patch_distance", "patch_distance_cosine")}


missed = 0
print("| content | style | structure | fall random | fall cosine | SSIM | shading | copied | CPU-s | MiB |")
print("|---|---|---|---|---|---|---|---|---|---|")
with tempfile.TemporaryDirectory() as folder:
    out, page = f"{folder}/o.png", f"{folder}/o.html"

    def report_of(words):
        run(words + ["--report", page])
        return json.loads(pathlib.Path(page).with_suffix(".json").read_text())

    for content in a.contents:
        for style in a.styles:
            before = -1.0
            for structure in a.structures:
                plain = [a.weft, "transfer", "--threads", "1", "--content", content, "--style", style, "--size", str(a.size), "--structure", str(structure), "--out", out]
                words = plain + (["--keep", "shading"] if a.shading else [])
                cpu, wall, memory = run(words)
                report = report_of(words)
                now, fall = report["after"], falls(report)
                ssim = now["structural_similarity"]
                if a.shading:
                    free = falls(report_of(plain))["patch_distance"]
                    bars = {f"fall, of {free:.3f} without": fall["patch_distance"] >= 0.75 * free, "shading": now["shading"] >= 0.9}
                else:
                    bars = {"SSIM": ssim >= (0.5 if structure == 1 else 0.3) or structure < 0.5, "rising": ssim > before, "copied": now["copied_share"] <= 0.2}
                    bars |= {k: v >= 0.85 for k, v in fall.items()}
                if a.size == 256:
                    bars |= {"CPU": cpu <= 2.5, "memory": memory * 1.048576 <= 100}
                if a.size == 512:
                    bars |= {"15 s by the clock": wall <= 15}
                before, misses = ssim, [k for k, held in bars.items() if not held]
                missed += len(misses)
                print(f"| {pathlib.Path(content).stem} | {pathlib.Path(style).stem} | {structure:g} | {fall['patch_distance']:.3f} | {fall['patch_distance_cosine']:.3f} "
                      f"| {ssim:.3f} | {now['shading']:.3f} | {now['copied_share']:.3f} | {cpu:.2f} | {memory:.0f} |" + (" misses: " + ", ".join(misses) if misses else ""), flush=True)
sys.exit(3 if missed else 0)
