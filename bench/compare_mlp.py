#!/usr/bin/env python3
"""A step of `weft train mlp` beside the same step in PyTorch, eager: the same networks, objective, kinds of penalties, batch and optimiser.

    bench/compare_mlp.py [--weft build/weft] [--steps 1500] [--threads 1] [--rounds 3]

Weights of the penalties and learning rates are not the recipe's: no time depends on them. Processor seconds (user and system) a step,
of the whole process less those of a run of a few steps, in turns so that both meet the same machine; the median of the rounds. Exit code 3 if weft takes more than half of PyTorch's.
"""
import argparse
import math
import os
import statistics
import sys
import tempfile

from runs import cpu_seconds

WIDTH, WAVES, BATCH, GAMMA = 64, 32, 256, 1e-4


def torch_steps(steps, threads):
    import torch
    from torch.nn.functional import softplus
    torch.set_num_threads(threads)

    class Waves(torch.nn.Module):
        def __init__(self):
            super().__init__()
            turn = math.pi * (3 - math.sqrt(5))
            frequency = [2 * 28 ** (i / (WAVES - 1)) for i in range(WAVES)]
            self.register_buffer("directions", torch.tensor([[f * math.cos(turn * i), f * math.sin(turn * i)] for i, f in enumerate(frequency)]))
            self.register_buffer("heights", torch.tensor([math.sqrt(2 / f) for f in frequency]))

        def forward(self, x):
            angle = x @ self.directions.t()
            return torch.cat([x, torch.cos(angle) * self.heights, torch.sin(angle) * self.heights], 1)

    def network(first, inputs, layers, activation, outputs):
        parts = list(first)
        for _ in range(layers):
            parts += [torch.nn.Linear(inputs, WIDTH), activation()]
            inputs = WIDTH
        return torch.nn.Sequential(*parts, torch.nn.Linear(WIDTH, outputs))

    generator = network([], 2, 4, torch.nn.ReLU, 2)
    judge = network([Waves()], 2 + 2 * WAVES, 3, lambda: torch.nn.LeakyReLU(0.2), 1)
    average = [p.detach().clone() for p in generator.parameters()]
    optimizers = [torch.optim.Adam(n.parameters(), lr=2e-4, betas=(0.0, 0.99)) for n in (generator, judge)]
    centres = torch.tensor([[x, y] for x in (-4.0, -2, 0, 2, 4) for y in (-4.0, -2, 0, 2, 4)])
    for _ in range(steps):
        real = (centres[torch.randint(25, (BATCH,))] + 0.05 * torch.randn(BATCH, 2)) / 2.8289
        fake = generator(torch.randn(BATCH, 2))
        both = torch.cat([real, fake.detach()]).requires_grad_()
        logits = judge(both)
        slope, = torch.autograd.grad(logits.sum(), both, create_graph=True)
        loss = softplus(logits[BATCH:] - logits[:BATCH]).mean() + GAMMA / 2 * (slope[:BATCH].square().sum(1).mean() + slope[BATCH:].square().sum(1).mean())
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()
        with torch.no_grad():
            on_real = judge(real)
        judge.requires_grad_(False)
        loss = softplus(on_real - judge(fake)).mean()
        optimizers[0].zero_grad()
        loss.backward()
        judge.requires_grad_(True)
        optimizers[0].step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(generator.parameters()), 0.0014)


def seconds(command):
    return cpu_seconds(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", default="build/weft")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch-steps", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.torch_steps is not None:
        return torch_steps(args.torch_steps, args.threads)
    few, taken = 20, {"weft": [], "PyTorch": []}
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            weft = lambda n: seconds([args.weft, "train", "mlp", "--data", "grid25", "--out", f"{folder}/{n}", "--steps", str(n), "--threads", str(args.threads),
                                      "--samples-every", "0", "--checkpoint-every", "0"])
            torch = lambda n: seconds([sys.executable, __file__, "--torch-steps", str(n), "--threads", str(args.threads)])
            for name, run in (("weft", weft), ("PyTorch", torch)):
                taken[name].append(1000 * (run(args.steps + few) - run(few)) / args.steps)
    for name, values in taken.items():
        print(f"{name:8} {statistics.median(values):.3f} ms of processor time a step ({min(values):.3f} to {max(values):.3f})")
    share = statistics.median(taken["weft"]) / statistics.median(taken["PyTorch"])
    print(f"share    {share:.2f}; the bar is 0.50")
    return 0 if share <= 0.5 else 3


if __name__ == "__main__":
    sys.exit(main())
