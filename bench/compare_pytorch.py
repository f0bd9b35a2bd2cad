#!/usr/bin/env python3
"""Times a DCGAN training step of weft against PyTorch's: same network, same numbers to start from, same cores.

    python bench/compare_pytorch.py --bench build/bench_step [--size 32 --channels 1 --width 64 --batch 64] [--threads 2]
    python bench/compare_pytorch.py --device cuda --variants all --size 64 --channels 3 --batch 128 --rounds 8 --out gpu.json

Both sides run in processes of their own and are timed from outside, in turn (A B A B ...), so that a noisy machine is noisy
for both. Prints milliseconds a step, the ratio weft / PyTorch with its spread, peak memory (growth of VmHWM from before the
model exists; on a GPU what tensors held) and the first step's losses, which must be numbers, and in fp32 agree to 1e-4. Needs torch (2.x from
PyPI), numpy and safetensors. Variants are ways of PyTorch's, all with the data on the device beforehand: eager (NCHW), channels_last,
bf16 (autocast), tf32, compile (torch.compile), graph (the whole step as one CUDA graph); and jax (one jit for the whole step).
"""
import argparse, json, math, os, statistics, subprocess, sys, tempfile, time


def opponent(args):
    """The PyTorch side: stdin/stdout as bench/step.cpp's."""
    import torch
    import torch.nn as nn
    from safetensors.torch import load_file
    torch.set_num_threads(args.threads)
    ways = set(args.variant.split("+"))
    device, on_gpu = torch.device(args.device), args.device == "cuda"
    layout = torch.channels_last if "channels_last" in ways else torch.contiguous_format
    if on_gpu:   # convolutions are in TF32 by default, which is not what fp32 means
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = not ways & {"fp32"}
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

    state = {"done": 0, "graph": None}

    def build():
        start = load_file(args.dump)
        part = lambda name: {k[len(name) + 6:]: v for k, v in start.items() if k.startswith(name + ".main.")}
        g, d = generator(), discriminator()
        g.load_state_dict(part("generator"), strict=False)
        d.load_state_dict(part("discriminator"), strict=False)
        g, d = g.to(device, memory_format=layout), d.to(device, memory_format=layout)
        fast = {"fused": True} if args.fused or on_gpu else {"foreach": True}
        if on_gpu and "graph" in ways:
            fast["capturable"] = True
        state.update(real=start["real"].to(device, memory_format=layout), z=start["latent"].to(device),
                     opt_g=torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999), **fast),
                     opt_d=torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999), **fast))
        state.update(judge=d)
        if "compile" in ways:
            g, d = torch.compile(g, dynamic=False), torch.compile(d, dynamic=False)
        n = state["real"].shape[0]
        state.update(g=g, d=d, one=torch.ones(n, device=device), zero=torch.zeros(n, device=device))

    def step(z=None):
        g, d, real, one, zero = (state[name] for name in ("g", "d", "real", "one", "zero"))
        bce = nn.functional.binary_cross_entropy_with_logits
        narrow = lambda: torch.autocast(args.device, torch.bfloat16, enabled="bf16" in ways, cache_enabled="graph" not in ways)
        if z is None:
            z = torch.randn(real.shape[0], 100, 1, 1, device=device)
        state["opt_d"].zero_grad(set_to_none=True)
        with narrow():
            loss_real = bce(d(real), one)
        loss_real.backward()
        with narrow():
            fake = g(z)
            loss_fake = bce(d(fake.detach()), zero)
        loss_fake.backward()
        state["opt_d"].step()
        state["opt_g"].zero_grad(set_to_none=True)
        state["judge"].requires_grad_(False)      # weft, too, leaves out the gradients that nobody uses
        with narrow():
            loss_g = bce(d(fake), one)
        loss_g.backward()
        state["judge"].requires_grad_(True)
        state["opt_g"].step()
        return loss_real.detach() + loss_fake.detach(), loss_g.detach()

    def capture():
        """A whole step as one CUDA graph; elsewhere the same code without one."""
        if not on_gpu:
            return step
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            losses = step()

        def replay():
            graph.replay()
            return losses
        return replay

    def advance():
        state["done"] += 1
        if "graph" not in ways:
            return step(state["z"] if state["done"] == 1 else None)
        if state["done"] <= 4:   # as PyTorch's documentation has it: some steps on another stream, then the capture
            if not on_gpu:
                return step(state["z"] if state["done"] == 1 else None)
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                losses = step(state["z"] if state["done"] == 1 else None)
            torch.cuda.current_stream().wait_stream(stream)
            return losses
        if state["graph"] is None:
            state["graph"] = capture()
        return state["graph"]()

    def peak_mib():
        return torch.cuda.max_memory_allocated() / 2**20 if on_gpu else 0

    obey(args, build, advance, peak_mib)


def obey(args, build, advance, peak_mib):
    """Answers "model", "go" and "memory" on stdin; `advance` takes a step and returns its two losses, perhaps before they are there."""
    for line in sys.stdin:
        if line.strip() == "model":
            build()
            print("ready", flush=True)
        elif line.strip() == "go":
            for _ in range(args.steps):
                loss_d, loss_g = advance()
            print(f"{loss_d.item():.9g} {loss_g.item():.9g}", flush=True)
        elif line.strip() == "memory":
            print(f"{peak_mib():.1f}", flush=True)


class SideEnded(Exception):
    pass


class Side:
    """A process on as many processors as it may have threads: not every opponent can be told how many to take."""
    def __init__(self, command, threads):
        processors = sorted(os.sched_getaffinity(0))[:threads]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, processors))
        self.times = []

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SideEnded(f"{' '.join(map(str, self.process.args))} ended early")
        return answer

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    def high_water(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024


VARIANTS = {
    "cpu": ["eager+fp32", "channels_last+fp32", "channels_last+bf16", "channels_last+compile+fp32", "channels_last+graph+fp32", "jax+fp32"],
    "cuda": ["eager+fp32", "eager+tf32", "channels_last+fp32", "channels_last+tf32", "channels_last+bf16", "channels_last+compile+tf32",
             "channels_last+compile+bf16", "channels_last+graph+fp32", "channels_last+graph+tf32", "channels_last+graph+bf16",
             "channels_last+compile+graph+tf32", "channels_last+compile+graph+bf16", "jax+fp32", "jax+tf32", "jax+bf16"],
}
WAYS = {"eager", "channels_last", "compile", "graph", "jax", "fp32", "tf32", "bf16"}


def race(commands, rounds, steps, threads, settle=0.0):
    """Both sides in turn. Milliseconds a step of each round, MiB of peak memory and the losses after the first step, by side."""
    losses, memory = {}, {}
    for name, command in commands.items():     # one step first, to compare losses
        side = Side(command(1), threads)
        side.ask("model")
        losses[name] = [float(v) for v in side.ask("go").split()]
        side.end()
    sides = {name: Side(command(steps), threads) for name, command in commands.items()}
    before = {}
    time.sleep(settle)   # PyTorch's import is not the model's memory
    for name, side in sides.items():
        before[name] = side.high_water()
        side.ask("model")
        side.ask("go")
    for _ in range(rounds):
        for side in sides.values():
            start = time.perf_counter()
            side.ask("go")
            side.times.append((time.perf_counter() - start) / steps * 1e3)
    for name, side in sides.items():
        on_device = float(side.ask("memory"))
        memory[name] = on_device if on_device > 0 else side.high_water() - before[name]
        side.end()
    return {name: side.times for name, side in sides.items()}, memory, losses


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", default="build/bench_step")
    for name, value in dict(size=32, channels=1, width=64, batch=64, steps=10, rounds=15, threads=os.cpu_count()).items():
        p.add_argument("--" + name, type=int, default=value)
    p.add_argument("--contiguous", dest="channels_last", action="store_false", help="PyTorch in NCHW instead of channels-last")
    p.add_argument("--fused", action="store_true", help="PyTorch's fused Adam instead of foreach; on a GPU it is always fused")
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="for both sides")
    p.add_argument("--variants", help="all, or names joined by commas, each some of " + ", ".join(sorted(WAYS)) + " joined by +")
    p.add_argument("--out", help="write the results there, as a JSON list that grows with each variant")
    p.add_argument("--json", action="store_true")
    p.add_argument("--opponent", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--variant", help=argparse.SUPPRESS)
    p.add_argument("--dump", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.opponent:
        if "jax" in args.variant.split("+"):
            sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
            import opponent_jax
            return opponent_jax.opponent(args, obey)
        return opponent(args)

    variants = [("channels_last" if args.channels_last else "eager") + "+fp32"]
    if args.variants:
        variants = VARIANTS[args.device] if args.variants == "all" else args.variants.split(",")
    for variant in variants:
        unknown = set(variant.split("+")) - WAYS
        if unknown:
            p.error(f"--variants {variant}: there is no {', '.join(sorted(unknown))}; there are {', '.join(sorted(WAYS))}")

    results, agree = [], True
    for variant in variants:
        ways = variant.split("+")
        precision = next((w for w in ways if w in ("fp32", "tf32", "bf16")), "fp32")
        if "jax" in ways and subprocess.run([sys.executable, "-c", "import jax"], capture_output=True).returncode:
            print(f"{variant}: not run, jax is not installed", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            dump = os.path.join(folder, "start.safetensors")
            sizes = [f for n in ("size", "channels", "width", "batch", "threads", "device") for f in ("--" + n, str(getattr(args, n)))]
            ours = precision if args.device == "cuda" else "fp32"      # the processor's backend has fp32 alone
            commands = {
                "weft": lambda steps: [args.bench, "--dump", dump, "--steps", str(steps), "--precision", ours] + sizes,
                "torch": lambda steps: [sys.executable, __file__, "--opponent", "--variant", variant, "--dump", dump, "--steps", str(steps)]
                         + sizes + (["--fused"] if args.fused else []),
            }
            try:
                times, memory, losses = race(commands, args.rounds, args.steps, args.threads, 4)
            except SideEnded as failure:
                if not args.variants:
                    sys.exit(str(failure))
                print(f"{variant}: not run, {failure}", file=sys.stderr)
                continue
        gaps = [abs(a - b) for a, b in zip(losses["weft"], losses["torch"])]
        agree = agree and all(gap <= (1e-4 if precision == "fp32" else math.inf) for gap in gaps)      # false for what is not a number
        ratios = sorted(a / b for a, b in zip(times["weft"], times["torch"]))
        result = {"size": args.size, "channels": args.channels, "width": args.width, "batch": args.batch, "threads": args.threads,
                  "device": args.device, "variant": variant, "precision_weft": ours,
                  "torch_layout": "channels_last" if "channels_last" in ways else "contiguous",
                  "ms_weft": statistics.median(times["weft"]), "ms_torch": statistics.median(times["torch"]),
                  "ratio": statistics.median(ratios), "ratio_low": ratios[0], "ratio_high": ratios[-1],
                  "memory_mib_weft": memory["weft"], "memory_mib_torch": memory["torch"], "first_losses": losses, "first_loss_gap": max(gaps)}
        results.append(result)
        if args.out:
            with open(args.out, "w") as file:
                json.dump(results, file, indent=1)
        if not args.json:
            show(args, result, "jax" if "jax" in ways else "torch")
    if args.json:
        print(json.dumps(results if args.variants else results[0]))
    return 0 if results and agree else 3


def show(args, r, name):
    where = f"{args.threads} threads" if args.device == "cpu" else args.device
    print(f"{args.size}x{args.size}x{args.channels}, width {args.width}, batch {args.batch}, {where}, {args.rounds} rounds of {args.steps} steps")
    print(f"  weft   {r['ms_weft']:8.2f} ms a step   {r['memory_mib_weft']:7.1f} MiB   ({r['precision_weft']})")
    print(f"  {name:6} {r['ms_torch']:8.2f} ms a step   {r['memory_mib_torch']:7.1f} MiB   ({r['variant']})")
    print(f"  weft / {name}  {r['ratio']:.3f}   ({r['ratio_low']:.3f} to {r['ratio_high']:.3f})")
    print(f"  first step's losses differ by {r['first_loss_gap']:.2g}: {r['first_losses']['weft']} and {r['first_losses']['torch']}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
