#!/usr/bin/env python3
"""Few pictures: what do DiffAugment and ADA gain over showing the discriminator the pictures as they are, on ever smaller parts of Fashion-MNIST?

    bench/small_data.py --out DIR --features RUN [--shares 100,20,10] [--methods none,translation,ada] [--seeds 1] [--steps 20000]

"diffaugment" is all of DiffAugment, "translation" that part of it alone. The discriminator is twice as wide as the generator, so that it can
know few pictures by heart.
--features is a run of `weft train classifier --data fashion-mnist`: the Frechet distance is taken in its features, to as many of all
60,000 pictures, whatever part of them a run was trained on. The rates are the published one times what their widths are narrower, and a fourth more.
Each run is a run of the program (runs.py).
Pass line: the gain of each method, as a share of the distance without, grows as the data shrink. docs/gan-results.md has what came of it.
"""
import argparse
import json
import os
import sys

from runs import evaluate, figure, folder, train

DIFFAUGMENT = ["--set", "train.augment=diffaugment"]
METHODS = {"none": [], "diffaugment": DIFFAUGMENT, "translation": DIFFAUGMENT + ["--set", "train.augment_policy=translation"], "ada": ["--set", "train.augment=ada"]}
PICTURES = 60000


def last_line(run):
    with open(os.path.join(run, "log.jsonl")) as lines:
        return json.loads(lines.readlines()[-1])


def one(args, method, share, seed):
    run = folder(args, f"{method}-{share}", seed)
    trained = train(args, [args.model, "--data", "fashion-mnist", "--size", "32", "--width", str(args.width), "--batch", str(args.batch), "--set", f"data.most={round(PICTURES * share / 100)}",
                           "--set", f"train.augment_kimg={args.kimg}" if method == "ada" else "train.augment=none",
                           "--set", f"model.d_width={args.d_width}", "--set", f"optimizer.learning_rate_g={args.rate}", "--set", f"optimizer.learning_rate_d={args.rate_d}",
                           *METHODS[method], *args.set], run, seed, args.steps)
    report = evaluate(args, run, ["--data", "fashion-mnist", "--features", args.features, "--count", str(args.count)], f"{run}.{args.steps}.{args.count}.json")
    last = last_line(run)
    return {"method": method, "share": share, "seed": seed, "frechet": figure(report, "frechet_distance"), "floor": figure(report, "frechet_distance", "real"),
            "recall": figure(report, "recall"), "cpu_seconds": trained["seconds"], "d_real": last["d_real"], "d_fake": last["d_fake"], "augment_p": last.get("augment_p")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--features", required=True)
    parser.add_argument("--weft", default="build/weft")
    parser.add_argument("--model", default="dcgan")
    parser.add_argument("--shares", default="100,20,10", help="of the 60,000 pictures, in percent, falling")
    parser.add_argument("--methods", default="none,translation,ada", help=f"of {', '.join(METHODS)}; none is among them")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--d-width", type=int, default=32, help="of the discriminator")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", default="1e-3", help="learning rate")
    parser.add_argument("--rate-d", default="5e-4", help="the discriminator's")
    parser.add_argument("--kimg", type=float, default=100, help="thousands of pictures in which ADA's p can go from 0 to 1; the paper's 500 are for runs of 25,000")
    parser.add_argument("--count", type=int, default=2500, help="samples")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], help="passed on to weft train, as in --set=--size=16")
    args = parser.parse_args()
    methods = [m for m in METHODS if m in args.methods.split(",")]
    if "none" not in methods or len(methods) < 2 or len(methods) != len(args.methods.split(",")):
        parser.error(f"--methods {args.methods}: none, which a gain is over, and beside it one or more of {', '.join(list(METHODS)[1:])}")
    os.makedirs(args.out, exist_ok=True)
    shares = [float(s) if "." in s else int(s) for s in args.shares.split(",")]
    print("| pictures | seed | augmentation | Frechet distance (real against real) | recall | D(real), D(fake) at the end | p | CPU s |\n|---|---|---|---|---|---|---|---|", flush=True)
    gains = {m: [] for m in methods if m != "none"}
    for share in reversed(shares):         # the smallest first: what matters most is there if the rest is cut off
        mean = {}
        for seed in range(1, args.seeds + 1):
            for method in methods:
                r = one(args, method, share, seed)
                mean[method] = mean.get(method, 0) + r["frechet"] / args.seeds
                p = "-" if r["augment_p"] is None else f"{r['augment_p']:.2f}"
                print(f"| {round(PICTURES * share / 100)} | {seed} | {method} | {r['frechet']:.2f} ({r['floor']:.2f}) | {r['recall']:.3f} "
                      f"| {r['d_real']:.2f}, {r['d_fake']:.2f} | {p} | {r['cpu_seconds']:.0f} |", flush=True)
        for method, all_gains in gains.items():
            all_gains.insert(0, 1 - mean[method] / mean["none"])
    print("\ngain, the share of the distance that an augmentation takes away:")
    for method, all_gains in gains.items():
        print(f"  {method}: " + ", ".join(f"{100 * g:.0f} % of {round(PICTURES * s / 100)} pictures" for s, g in zip(shares, all_gains)))
    if len(shares) < 2:
        print("one size says nothing of whether the gain grows")
        return 0
    grows = all(all(a <= b for a, b in zip(g, g[1:])) for g in gains.values())
    print(f"the gain grows as the data shrink: {'yes' if grows else 'no'}")
    return 0 if grows else 3


if __name__ == "__main__":
    sys.exit(main())
