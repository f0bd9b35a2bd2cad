#!/usr/bin/env python3
"""StyleGAN2 and dcgan on a folder of small tiles, in equal processor time: which comes nearer to them?

    weft train features --data TILES --size 32 --batch 32 --steps 1200 --out FEATURES
    bench/tiles.py --out DIR --data TILES --features FEATURES [--steps 12000] [--seeds 1]

stylegan2 makes so many steps; each dcgan goes on, in pieces, until it has had at least as much processor time: 64 wide, as it comes but for
the average; at a quarter of the width, with the rate that follows it; and that at the published rate. Each is a run of the program (runs.py). docs/gan-results.md has what came of it.
Exit code 3 unless stylegan2's Frechet distance is at most that of every dcgan, in every seed.
"""
import argparse
import os
import sys

from runs import evaluate, figure, folder, train

PIECE = 500                              # steps of dcgan
# A rate for narrow layers, and R1 as StyleGAN2-ADA's authors have it for 32 pixels (0.0002 sides^2 / batch).
STYLEGAN2 = ["stylegan2", "--width", "8", "--batch", "32", "--set", "model.latent=64", "--penalty", "r1:0.01", "--set", "optimizer.learning_rate_g=8e-3", "--set", "optimizer.learning_rate_d=8e-3"]
AVERAGE = ["--set", "model.ema_half_life=20000", "--set", "model.ema_ramp=0.05"]      # as stylegan2's
DCGANS = [("dcgan, 64 wide", ["dcgan"] + AVERAGE), ("dcgan, 16 wide", ["dcgan", "--width", "16"] + AVERAGE),
          ("dcgan, 16 wide, 2e-4", ["dcgan", "--width", "16", "--set", "optimizer.learning_rate_g=2e-4", "--set", "optimizer.learning_rate_d=2e-4"] + AVERAGE)]


def one(args, name, words, seed, steps, at_least=0.0):
    """The Frechet distance after so many steps and more, in pieces, up to at_least seconds."""
    run = folder(args, name, seed)
    trained = train(args, words + ["--data", args.data, "--size", "32"], run, seed, steps, exactly=False)      # begun again, it is longer already
    while trained["seconds"] < at_least:
        trained = train(args, words + ["--data", args.data, "--size", "32"], run, seed, trained["steps"] + PIECE)
    steps, seconds = trained["steps"], trained["seconds"]
    report = evaluate(args, run, ["--data", args.data, "--features", args.features, "--count", str(args.count)], f"{run}.{steps}.{args.count}.json")
    f = {key: figure(report, key) for key in ("frechet_distance", "precision", "recall", "density", "coverage")}
    print(f"| {name} | {seed} | {steps} | {seconds:.0f} | {f['frechet_distance']:.1f} ({figure(report, 'frechet_distance', 'real'):.1f}) | {f['precision']:.3f}, {f['recall']:.3f} "
          f"| {f['density']:.3f}, {f['coverage']:.3f} |", flush=True)
    return f["frechet_distance"], seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--data", required=True, help="a folder of pictures")
    parser.add_argument("--features", required=True, help="a run of weft train features on them")
    parser.add_argument("--weft", default="build/weft")
    parser.add_argument("--steps", type=int, default=12000, help="of stylegan2")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="seed to begin with")
    parser.add_argument("--count", type=int, default=1500, help="samples")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    print("| model | seed | steps | CPU s | Frechet (real against real) | precision, recall | density, coverage |\n|---|---|---|---|---|---|---|", flush=True)
    nearer = True
    for seed in range(args.first, args.first + args.seeds):
        styled, seconds = one(args, "stylegan2", STYLEGAN2, seed, args.steps)
        for name, words in DCGANS:
            nearer &= styled <= one(args, name, words, seed, PIECE, seconds)[0]
    print(f"stylegan2 is at most as far as each dcgan: {'yes' if nearer else 'no'}")
    return 0 if nearer else 3


if __name__ == "__main__":
    sys.exit(main())
