#!/usr/bin/env python3
"""Fashion-MNIST by generators of one size that saw equally many pictures: how far, how varied, how recognisable, with and without averaging?

    weft train classifier --data fashion-mnist --out JUDGE
    bench/fashion.py table  --out DIR --judge JUDGE [--score]        every model once; with the accuracy score, which takes as long as training
    bench/fashion.py orders --out DIR --judge JUDGE [--seeds 3]      those of them that the two orderings are of: do they hold in each seed?

The orderings are of Frechet's distance: any regulariser is at least as good as plain minimax in the worst seed, and the average of a
generator at least as good as the generator of the last step. Averaging does not enter training, so both are read from one run.

Each run is a run of the program: `weft train`, then `weft evaluate --json` of both generators of its last checkpoint (runs.py).
docs/gan-results.md has what came of it.
"""
import argparse
import math
import os
import sys

from runs import evaluate, figure, folder, train

# 32 pixels (the pictures with a black border), the same latents' length and the same average for all. dcgan's width 16 has 144 K and 42 K parameters.
# Networks a quarter as wide as published take a rate five times as high, and He's weights to begin with; Adam's memory is that of each one's paper.
COMMON = ["--data", "fashion-mnist", "--set", "model.latent=100", "--set", "model.ema_half_life=500000", "--set", "model.ema_ramp=0.05"]
DCGAN = ["dcgan", "--width", "16", "--batch", "64", "--set", "model.init=kaiming", "--set", "optimizer.learning_rate_g=1e-3", "--set", "optimizer.learning_rate_d=1e-3"]
NO_MOMENTUM = ["--set", "optimizer.beta1=0", "--set"]
# Name, settings, steps: five epochs of dcgan take 110 to 190 s of one core of an AMD EPYC. r3gan's residual blocks take 20 minutes for as many pictures.
MODELS = [
    ("minimax", DCGAN + ["--objective", "minimax"], 4800),
    ("non-saturating", DCGAN, 4800),
    ("hinge, spectral norm", DCGAN + ["--objective", "hinge", "--set", "model.d_norm=spectral"] + NO_MOMENTUM + ["optimizer.beta2=0.9"], 4800),
    ("wasserstein, wgan-gp", DCGAN + ["--objective", "wasserstein", "--penalty", "wgan-gp", "--set", "model.d_norm=layer"] + NO_MOMENTUM + ["optimizer.beta2=0.9"], 4800),
    ("rpgan, r1, r2", DCGAN + ["--objective", "rpgan", "--penalty", "r1:1", "--penalty", "r2:1", "--set", "model.d_norm=none"] + NO_MOMENTUM + ["optimizer.beta2=0.99"], 4800),
    ("r3gan", ["r3gan", "--width", "8", "--batch", "16", "--set", "optimizer.learning_rate_g=5e-4", "--set", "optimizer.learning_rate_d=5e-4"], 20000),
    ("non-saturating, classes", DCGAN + ["--set", "model.condition=concat"], 4800),
]
REGULARISED = ("hinge, spectral norm", "wasserstein, wgan-gp", "rpgan, r1, r2")


def one(args, name, settings, steps, seed):
    run = folder(args, name, seed)
    seconds = train(args, settings + COMMON, run, seed, steps)["seconds"]
    last = os.path.join(run, "checkpoints", open(os.path.join(run, "checkpoints", "LATEST")).read().strip())
    words = ["--data", "fashion-mnist", "--features", args.judge, "--count", str(args.count)]
    both = {}
    for average, file in ((True, "generator.ema.safetensors"), (False, "generator.safetensors")):
        score = ["--accuracy-score"] if average and args.score else []
        both[average] = evaluate(args, os.path.join(last, file), words + score, f"{run}.{steps}.{args.count}.{'average' if average else 'last'}{'.score' if score else ''}.json")
    return {"name": name, "seed": seed, "steps": steps, "seconds": seconds, "both": both}


def share(value):
    return "" if math.isnan(value) else f"{100 * value:.1f}"


def rows(r):
    for average, report in r["both"].items():
        least = min(c["share"] for c in report["classes"])
        yield (f"| {r['name']} | {r['seed']} | {r['steps']} | {r['seconds']:.0f} | {'average' if average else 'last'} | {figure(report, 'frechet_distance'):.2f} | {figure(report, 'kernel_distance'):.4f} "
               f"| {figure(report, 'precision'):.3f}, {figure(report, 'recall'):.3f} | {figure(report, 'classes_present'):.0f} | {100 * least:.1f} | {figure(report, 'class_divergence'):.3f} "
               f"| {share(figure(report, 'accuracy_score'))} |")


def floor(report, count):
    def of(key):
        return (f"Frechet {figure(report, 'frechet_distance', key):.3f}, kernel {figure(report, 'kernel_distance', key):.5f}, precision, recall {figure(report, 'precision', key):.3f}, "
                f"{figure(report, 'recall', key):.3f}, divergence {figure(report, 'class_divergence', key):.4f}, accuracy score {share(figure(report, 'accuracy_score', key)) or '-'}")
    return (f"\n{count} samples against {count} real pictures. Others as real in their place: {of('real')}. The test part in their place: {of('test')}.\n"
            f"Features {report['features'][:12]} ({report['describer']}), right on {100 * report['classifier_accuracy']:.2f} % of the test part.")


def verdict(results):
    """Whether the orderings hold, in words."""
    def distance(name, seed, average=True):
        return next(figure(r["both"][average], "frechet_distance") for r in results if r["name"] == name and r["seed"] == seed)
    seeds = sorted({r["seed"] for r in results})
    names = [name for name, _, _ in MODELS if any(r["name"] == name for r in results)]
    worst = {name: max(distance(name, s) for s in seeds) for name in names}
    good = True
    for name in REGULARISED:
        if name in worst and "minimax" in worst:
            holds = worst[name] <= worst["minimax"]
            good = good and holds
            print(f"worst seed: {name} {worst[name]:.2f}, minimax {worst['minimax']:.2f}: {'holds' if holds else 'DOES NOT HOLD'}")
    for name in names:
        better = sum(distance(name, s) <= distance(name, s, False) for s in seeds)
        good = good and better == len(seeds)
        print(f"average at least as good as the last step's: {name}, {better} of {len(seeds)} seeds")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["table", "orders"])
    parser.add_argument("--out", required=True)
    parser.add_argument("--judge", required=True, help="a run of weft train classifier")
    parser.add_argument("--weft", default="build/weft")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--first", type=int, default=100, help="seed to begin with")
    parser.add_argument("--length", type=float, default=1, help="of the runs, in the script's")
    parser.add_argument("--count", type=int, default=2500, help="samples")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=[name for name, _, _ in MODELS], help="one of the models")
    parser.add_argument("--score", action="store_true", help="the accuracy score of the average generators as well")
    args = parser.parse_args()
    table = args.what == "table"
    args.seeds = args.seeds or (1 if table else 3)
    models = [m for m in MODELS if args.only in (None, m[0]) and (table or m[0] in REGULARISED + ("minimax", "non-saturating"))]
    if not models:
        parser.error(f"--only {args.only}: the orderings are not of that one")
    os.makedirs(args.out, exist_ok=True)
    print("| model | seed | steps | CPU s | generator | Frechet | kernel | precision, recall | classes | least share, % | divergence | accuracy score, % |\n|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    results = []
    for seed in range(args.first, args.first + args.seeds):
        for name, settings, steps in models:
            results.append(one(args, name, settings, round(steps * args.length), seed))
            print("\n".join(rows(results[-1])), flush=True)
    print(floor(results[-1]["both"][True], args.count) + "\n", flush=True)
    return 0 if table or verdict(results) else 3


if __name__ == "__main__":
    sys.exit(main())
