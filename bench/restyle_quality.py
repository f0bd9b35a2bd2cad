#!/usr/bin/env python3
"""`weft train restyle`: what it takes and how good it is, against the bars it is held to; and what each part of its loss is for.

    bench/restyle_quality.py --build build --contents GARMENTS --styles PICTURE... [--ablation] [--held-out 0.25]
                             [--steps N] [--threads 2] [-- --set k=v ...]

300 pictures of GARMENTS (its classes as they come) are trained on and 200 others measured on, with crops of the styles that no step
sees. Figures are those of bench_restyle_quality, which explains them. With --ablation: the whole loss, and each part of it left out,
with three seeds each, and the mean and the range over seeds. Words behind -- go to `weft train`. Exit code 3 if a bar is missed.
"""
import argparse, os, pathlib, subprocess, sys, tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", default="build")
parser.add_argument("--contents", required=True, help="a folder of pictures, with classes as folders or without")
parser.add_argument("--styles", nargs="+", required=True, help="pictures, each a style of its own")
parser.add_argument("--ablation", action="store_true")
parser.add_argument("--held-out", type=float, default=0.25, help="share of the styles' area")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--steps", type=int, default=0, help="0: the model's own")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--keep", help="a folder for the runs, which are otherwise removed")
parser.add_argument("train", nargs="*")
a = parser.parse_args()
build = pathlib.Path(a.build).resolve()


def run(*words, allowed=(0,)):
    """What it was, processor seconds, seconds by the clock."""
    before = os.times()
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    after = os.times()
    if done.returncode not in allowed:
        sys.exit(f"failed: {' '.join(map(str, words))}\n{done.stderr[-2000:]}")
    return done, after.children_user + after.children_system - before.children_user - before.children_system, after.elapsed - before.elapsed


def links(folder, files):
    folder.mkdir(parents=True)
    for i, file in enumerate(files):
        (folder / f"{i:04d}{file.suffix}").symlink_to(file.resolve())


def train(out, *more):
    steps = ["--steps", a.steps] if a.steps else []
    return run(build / "weft", "train", "restyle", "--data", data / "contents", "--styles", data / "styles", "--out", out, "--threads", a.threads, "--set", f"data.held_out={a.held_out}", *steps, *a.train, *more)[1:]


def measure(out):
    return run(build / "bench_restyle_quality", out, data / "unseen", data / "styles", a.held_out, allowed=(0, 3))[0]


with tempfile.TemporaryDirectory() as temporary:
    data = pathlib.Path(temporary)
    runs = pathlib.Path(a.keep or data / "runs")
    pictures = sorted(p for p in pathlib.Path(a.contents).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    chosen = [pictures[i * len(pictures) // 500] for i in range(500)]
    unseen = [p for i, p in enumerate(chosen) if i % 5 in (1, 3)]
    links(data / "contents", [p for i, p in enumerate(chosen) if i % 5 not in (1, 3)])
    links(data / "unseen", unseen)
    for style in map(pathlib.Path, a.styles):
        links(data / "styles" / style.stem, [style])

    if not a.ablation:
        cpu, wall = train(runs / "whole")
        measured = measure(runs / "whole")
        print(measured.stdout, end="")
        slow = cpu > 3600
        print(f"training           {cpu:.0f} CPU-s, {wall:.0f} s by the clock   bar 3600 CPU-s (30 minutes on two cores){': missed' if slow else ''}")
        # Start, reading and writing are part of it: that is what a person waits for.
        each = [run(build / "weft", "translate", runs / "whole", "--input", unseen[0], "--size", 512, "--out", data / "o.png", "--threads", a.threads)[1:] for _ in range(3)]
        cpu, wall = min(t[0] for t in each), min(t[1] for t in each)
        late = wall > 1.5
        print(f"translate, 512 px  {cpu:.2f} CPU-s, {wall:.2f} s by the clock   bar 1.5 s{': missed' if late else ''}")
        sys.exit(3 if measured.returncode or slow or late else 0)

    parts = {"whole": [], "without D": ["--set", "loss.adversarial=0"], "without content": ["--set", "loss.content=0"], "without style": ["--set", "loss.style=0"]}
    shown = ["fall_random_x1", "fall_cosine_x1", "fall_random_x4", "ssim", "no_copy", "judged"]
    print("| | " + " | ".join(shown) + " | CPU-s |\n|" + "---|" * (len(shown) + 2))
    for name, words in parts.items():
        found, seconds = [], []
        for seed in range(a.seeds):
            out = runs / f"{name.replace(' ', '-')}-{seed}"
            seconds.append(train(out, "--seed", seed, *words)[0])
            lines = [line.split() for line in measure(out).stdout.splitlines()]
            found.append({line[0]: float(line[1]) for line in lines if line[0] in shown})
        cells = []
        for key in shown:
            values = [f[key] for f in found]
            cells.append(f"{sum(values) / len(values):.3f} ({min(values):.3f} to {max(values):.3f})")
        print(f"| {name} | " + " | ".join(cells) + f" | {sum(seconds) / len(seconds):.0f} |", flush=True)
