#!/usr/bin/env python3
"""1,000 modes: three drawn digits a picture. How many of the numbers 0 to 999 does a generator of a small network find?

    bench/stacked_digits.py --out DIR [--seeds 1] [--length 1] [--only plain]

Protocol of stacked MNIST (arXiv:1705.07761, arXiv:1712.04086) but for the data, which weft draws: 128,000 stacks, 26,000 samples, a mode is there
if a single sample shows it. The networks are dcgan's at half their width. "plain" and "packing 2" differ in packing alone; their discriminator's rate
is a quarter of the generator's, as there a generator moves twice for each move of its discriminator. R1 alone diverges as published
(arXiv:2501.05441, table 1), and did not here. A discriminator twice as wide as its generator has as many features a channel for a pack of
two as one of the same width for single stacks.

Each run is a run of the program: `weft train`, then `weft evaluate --json` (runs.py). docs/gan-results.md has what came of it.
Exit code 3 unless one of the runs finds all modes with a divergence of at most 0.06.
"""
import argparse
import os
import sys

from runs import evaluate, folder, train

COMMON = ["dcgan", "--data", "stacked-digits", "--width", "32", "--set", "model.init=kaiming", "--set", "model.ema_half_life=500000", "--set", "model.ema_ramp=0.05",
          "--set", "optimizer.learning_rate_g=7e-4"]
FALLING = ["--set", "optimizer.schedule=cosine", "--set", "optimizer.hold=0.3", "--set", "optimizer.final_g=0.05", "--set", "optimizer.final_d=0.05"]
SLOW_D = ["--set", "optimizer.learning_rate_d=1.8e-4"] + FALLING
R1 = ["--set", "model.d_norm=none", "--set", "optimizer.beta1=0", "--set", "optimizer.beta2=0.99", "--set", "train.penalty_end=0.1", "--penalty", "r1:1"] + FALLING
RPGAN = ["--batch", "64", "--objective", "rpgan", "--set", "optimizer.learning_rate_d=7e-4"] + R1
WIDE_D = ["--set", "model.d_width=64", "--set", "optimizer.learning_rate_d=3.5e-4", "--set", "train.penalty_every=4"] + R1
# Name, settings, steps. With packing m a batch has 64 packs.
RUNS = [
    ("plain", ["--batch", "64"] + SLOW_D, 12000),
    ("packing 2", ["--batch", "128", "--set", "train.packing=2"] + SLOW_D, 12000),
    ("rpgan, r1, r2", RPGAN + ["--penalty", "r2:1"], 12000),
    ("rpgan, r1", RPGAN, 12000),
    ("packing 2, r1, wide D", ["--batch", "128", "--set", "train.packing=2"] + WIDE_D, 10000),
    ("r1, wide D", ["--batch", "64"] + WIDE_D, 10000),
    ("packing 2, rpgan, r1, r2, wide D", ["--batch", "128", "--objective", "rpgan", "--set", "train.packing=2"] + WIDE_D + ["--penalty", "r2:1"], 16000),
    ("rpgan, r1, r2, wide D", ["--batch", "64", "--objective", "rpgan"] + WIDE_D + ["--penalty", "r2:1"], 16000),
]
SAMPLES = "26000"


def one(args, name, settings, steps, seed):
    run = folder(args, name, seed)
    seconds = train(args, COMMON + settings, run, seed, steps)["seconds"]
    report = evaluate(args, run, ["--data", "stacked-digits", "--count", SAMPLES], f"{run}.{steps}.json")
    return {"name": name, "seed": seed, "steps": steps, "seconds": seconds, "figures": {f["name"]: f for f in report["figures"]}}


def row(r, key="value"):
    f = {name: values[key] for name, values in r["figures"].items() if values[key] is not None}
    return f"{f['modes']:.0f} | {f['clear_modes']:.0f} | {100 * f['clear']:.1f} | {f['mode_divergence']:.4f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--weft", default="build/weft")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=100, help="seed to begin with")
    parser.add_argument("--length", type=float, default=1, help="of the runs, in the script's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=[name for name, _, _ in RUNS], help="one of the runs")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    print("| run | seed | steps | CPU s | modes of 1,000 | clear modes | clear samples, % | divergence, nats |\n|---|---|---|---|---|---|---|---|", flush=True)
    results = []
    for seed in range(args.first, args.first + args.seeds):
        for name, settings, steps in RUNS:
            if args.only in (None, name):
                results.append(one(args, name, settings, round(steps * args.length), seed))
                r = results[-1]
                print(f"| {name} | {seed} | {r['steps']} | {r['seconds']:.0f} | {row(r)} |", flush=True)
    print(f"| drawn digits | | | | {row(results[-1], 'real')} |\n\n{SAMPLES} samples of the average generator. A perfect sampler has a divergence of "
          f"about {results[-1]['figures']['mode_divergence']['bias']:.4f}.", flush=True)
    reached = [r["name"] for r in results if r["figures"]["modes"]["value"] == 1000 and r["figures"]["mode_divergence"]["value"] <= 0.06]
    print(f"1,000 modes with a divergence of at most 0.06: {', '.join(reached) or 'none'}")
    return 0 if reached else 3


if __name__ == "__main__":
    sys.exit(main())
