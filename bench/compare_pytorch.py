#!/usr/bin/env python3
"""Times a DCGAN training step of weft against PyTorch's: same network, same numbers to start from, same cores.

    python bench/compare_pytorch.py --bench build/bench_step [--size 32 --channels 1 --width 64 --batch 64] [--threads 2]

Both sides run in processes of their own and are timed from outside, in turn (A B A B ...), so that a noisy machine is noisy
for both. Prints milliseconds a step, the ratio weft / PyTorch with its spread, peak memory (growth of VmHWM from before the
model exists) and the first step's losses, which must agree to 1e-4. Needs torch (2.x from PyPI), numpy and safetensors.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time


def opponent(args):
    """The PyTorch side: stdin/stdout as bench/step.cpp's."""
    import torch
    import torch.nn as nn
    from safetensors.torch import load_file
    torch.set_num_threads(args.threads)
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    halvings = {16: 2, 32: 3, 64: 4, 128: 5}[args.size]

    def generator():
        c = args.width << (halvings - 1)
        layers = [nn.ConvTranspose2d(100, c, 4, 1, 0, bias=False), nn.BatchNorm2d(c), nn.ReLU(True)]
        for _ in range(halvings - 1):
            layers += [nn.ConvTranspose2d(c, c // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(c // 2), nn.ReLU(True)]
            c //= 2
        return nn.Sequential(*layers, nn.ConvTranspose2d(c, args.channels, 4, 2, 1, bias=False), nn.Tanh())

    def discriminator():
        c = args.width
        layers = [nn.Conv2d(args.channels, c, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
        for _ in range(halvings - 1):
            layers += [nn.Conv2d(c, c * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(c * 2), nn.LeakyReLU(0.2, inplace=True)]
            c *= 2
        return nn.Sequential(*layers, nn.Conv2d(c, 1, 4, 1, 0, bias=False), nn.Flatten(0))

    state = {}

    def build():
        start = load_file(args.dump)
        part = lambda name: {k[len(name) + 6:]: v for k, v in start.items() if k.startswith(name + ".main.")}
        g, d = generator(), discriminator()
        g.load_state_dict(part("generator"), strict=False)
        d.load_state_dict(part("discriminator"), strict=False)
        g, d = g.to(memory_format=layout), d.to(memory_format=layout)
        fast = {"fused": True} if args.fused else {"foreach": True}
        state.update(g=g, d=d, real=start["real"].to(memory_format=layout), z=start["latent"],
                     opt_g=torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999), **fast),
                     opt_d=torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999), **fast), first=True)

    def step():
        g, d, real = state["g"], state["d"], state["real"]
        bce = nn.functional.binary_cross_entropy_with_logits
        z = state["z"] if state["first"] else torch.randn(real.shape[0], 100, 1, 1)
        state["first"] = False
        one, zero = torch.ones(real.shape[0]), torch.zeros(real.shape[0])
        state["opt_d"].zero_grad(set_to_none=True)
        loss_real = bce(d(real), one)
        loss_real.backward()
        fake = g(z)
        loss_fake = bce(d(fake.detach()), zero)
        loss_fake.backward()
        state["opt_d"].step()
        state["opt_g"].zero_grad(set_to_none=True)
        loss_g = bce(d(fake), one)
        loss_g.backward()
        state["opt_g"].step()
        return loss_real + loss_fake, loss_g

    for line in sys.stdin:
        if line.strip() == "model":
            build()
            print("ready", flush=True)
        elif line.strip() == "go":
            for _ in range(args.steps):
                loss_d, loss_g = step()
            print(f"{loss_d.item():.9g} {loss_g.item():.9g}", flush=True)


class Side:
    def __init__(self, command, env):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self.times = []

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"{self.process.args[0]} ended early")
        return answer

    def high_water(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", default="build/bench_step")
    for name, value in dict(size=32, channels=1, width=64, batch=64, steps=10, rounds=15, threads=os.cpu_count()).items():
        p.add_argument("--" + name, type=int, default=value)
    p.add_argument("--contiguous", dest="channels_last", action="store_false", help="PyTorch in NCHW instead of channels-last")
    p.add_argument("--fused", action="store_true", help="PyTorch's fused Adam instead of foreach")
    p.add_argument("--json", action="store_true")
    p.add_argument("--opponent", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--dump", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.opponent:
        return opponent(args)

    with tempfile.TemporaryDirectory() as folder:
        dump = os.path.join(folder, "start.safetensors")
        sizes = [f for n in ("size", "channels", "width", "batch", "threads") for f in ("--" + n, str(getattr(args, n)))]
        # One step first, to compare losses; then the timed runs.
        switches = (["--fused"] if args.fused else []) + ([] if args.channels_last else ["--contiguous"])
        torch_command = lambda steps: [sys.executable, __file__, "--opponent", "--dump", dump, "--steps", str(steps)] + sizes + switches
        weft_command = lambda steps: [args.bench, "--dump", dump, "--steps", str(steps)] + sizes
        losses = {}
        for name, command in (("weft", weft_command(1)), ("torch", torch_command(1))):
            side = Side(command, os.environ)
            side.ask("model")
            losses[name] = [float(v) for v in side.ask("go").split()]
            side.process.stdin.close()
            side.process.wait()
        gap = max(abs(a - b) for a, b in zip(losses["weft"], losses["torch"]))

        sides = {"weft": Side(weft_command(args.steps), os.environ), "torch": Side(torch_command(args.steps), os.environ)}
        before = {}
        time.sleep(4)   # PyTorch's import is not the model's memory
        for name, side in sides.items():
            before[name] = side.high_water()
            side.ask("model")
            side.ask("go")
        for _ in range(args.rounds):
            for side in sides.values():
                start = time.perf_counter()
                side.ask("go")
                side.times.append((time.perf_counter() - start) / args.steps * 1e3)
        memory = {name: side.high_water() - before[name] for name, side in sides.items()}
    ratios = sorted(a / b for a, b in zip(sides["weft"].times, sides["torch"].times))
    result = {"size": args.size, "channels": args.channels, "width": args.width, "batch": args.batch, "threads": args.threads,
              "torch_layout": "channels_last" if args.channels_last else "contiguous",
              "ms_weft": statistics.median(sides["weft"].times), "ms_torch": statistics.median(sides["torch"].times),
              "ratio": statistics.median(ratios), "ratio_low": ratios[0], "ratio_high": ratios[-1],
              "memory_mib_weft": memory["weft"], "memory_mib_torch": memory["torch"], "first_losses": losses, "first_loss_gap": gap}
    if args.json:
        print(json.dumps(result))
    else:
        print(f"{args.size}x{args.size}x{args.channels}, width {args.width}, batch {args.batch}, {args.threads} threads, {args.rounds} rounds of {args.steps} steps")
        print(f"  weft   {result['ms_weft']:8.2f} ms a step   {memory['weft']:7.1f} MiB")
        print(f"  torch  {result['ms_torch']:8.2f} ms a step   {memory['torch']:7.1f} MiB   ({result['torch_layout']})")
        print(f"  weft / torch  {result['ratio']:.3f}   ({ratios[0]:.3f} to {ratios[-1]:.3f})")
        print(f"  first step's losses differ by {gap:.2g}: {losses['weft']} and {losses['torch']}")
    return 0 if gap <= 1e-4 else 3


if __name__ == "__main__":
    sys.exit(main())
