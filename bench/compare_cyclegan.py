#!/usr/bin/env python3
"""Times a CycleGAN training step of weft against PyTorch's: same networks, same numbers to start from, same cores.

    nice -n 5 python bench/compare_cyclegan.py --bench build/bench_step [--size 256] [--rounds 3] [--threads 2]

ResNet-9 generators and 70x70 discriminators of 64 channels, batch 1, identity loss, no pool. PyTorch has its convolutions from
oneDNN as weft has, in NCHW, which is its faster layout here (--channels-last for the other). Both run in processes of their own, a step of each in turn, so that
a machine that does other work is slow for both. Prints seconds a step by the clock and CPU-seconds, the ratio weft / PyTorch of
each with its spread over the rounds, peak memory, and the losses after the first step, which must agree to 1e-4.
"""
import argparse, os, statistics, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))


def opponent(args):
    """The PyTorch side: stdin and stdout as bench/step.cpp's."""
    import torch
    sys.path.insert(0, os.path.join(HERE, "..", "tests", "translation"))
    import torch_steps as nets
    from safetensors.torch import load_file
    from compare_pytorch import obey
    import torch.nn.functional as F
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(args.threads)
    nets.WIDTH = 64
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    state = {}

    def build():
        start = load_file(args.dump)
        for name, network in (("generator", nets.Resnet(9, False)), ("generator_back", nets.Resnet(9, False)),
                              ("discriminator_a", nets.Patch(3, False)), ("discriminator_b", nets.Patch(3, False))):
            network.load_state_dict({k[len(name) + 1:]: v for k, v in start.items() if k.startswith(name + ".")})
            state[name] = network.to(memory_format=layout)
        state["a"], state["b"] = (start[k].to(memory_format=layout) for k in ("real", "other_side"))
        adam = lambda *names: torch.optim.Adam([p for n in names for p in state[n].parameters()], lr=2e-4, betas=(0.5, 0.999), foreach=True)
        state["optimizers"] = adam("generator", "generator_back"), adam("discriminator_a"), adam("discriminator_b")

    def advance():
        to_b, to_a, d_a, d_b, a, b = (state[k] for k in ("generator", "generator_back", "discriminator_a", "discriminator_b", "a", "b"))
        opt_g, opt_a, opt_b = state["optimizers"]
        for d in (d_a, d_b):
            d.requires_grad_(False)
        fake_b, fake_a = to_b(a), to_a(b)
        loss_g = (nets.squares(d_b(fake_b), 1.) + nets.squares(d_a(fake_a), 1.) + 10 * (F.l1_loss(to_a(fake_b), a) + F.l1_loss(to_b(fake_a), b))
                  + 5 * (F.l1_loss(to_a(a), a) + F.l1_loss(to_b(b), b)))
        nets.update(opt_g, loss_g)
        for d in (d_a, d_b):
            d.requires_grad_(True)
        loss_a, loss_b = nets.judge(d_a, a, fake_a, nets.squares), nets.judge(d_b, b, fake_b, nets.squares)
        nets.update(opt_a, loss_a)
        nets.update(opt_b, loss_b)
        return loss_a.detach() + loss_b.detach(), loss_g.detach()

    obey(args, build, advance, lambda: 0)


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(args):
    from compare_pytorch import Side
    size = ["--size", args.size, "--threads", args.threads, "--steps", 1, "--dump", args.dump]
    commands = {"weft": [args.bench, "--model", "cyclegan", "--channels", 3, "--width", 64, "--batch", 1, *size],
                "PyTorch": [sys.executable, os.path.abspath(__file__), "--opponent", *(["--channels-last"] if args.channels_last else []), *size[:4], *size[6:]]}
    sides, losses, wall, cpu, before = {}, {}, {}, {}, {}
    for name, command in commands.items():
        side = sides[name] = Side([str(c) for c in command], args.threads)
        if name == "PyTorch":
            time.sleep(8)                                      # its import is not the model's memory
        before[name] = side.high_water()
        side.ask("model")
        losses[name] = [float(v) for v in side.ask("go").split()]
        wall[name], cpu[name] = [], []
    for _ in range(args.rounds):
        for name, side in sides.items():
            start, spent = time.perf_counter(), cpu_seconds(side.process.pid)
            side.ask("go")
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(cpu_seconds(side.process.pid) - spent)
    for name, side in sides.items():
        print(f"{name:8} {statistics.median(wall[name]):7.2f} s a step, {statistics.median(cpu[name]):7.2f} CPU-s, "
              f"{side.high_water() - before[name]:6.0f} MiB, first losses {losses[name]}")
        side.end()
    for what, times in (("clock", wall), ("CPU", cpu)):
        ratios = sorted(w / p for w, p in zip(times["weft"], times["PyTorch"]))
        print(f"{what} ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")
    gaps = [abs(a - b) / max(1, abs(b)) for a, b in zip(losses["weft"], losses["PyTorch"])]
    print(f"first losses differ by {gaps[0]:.1e} and {gaps[1]:.1e}")
    return 0 if all(gap <= 1e-4 for gap in gaps) else 3      # one that is not a number agrees with nothing


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default="build/bench_step")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--dump", default=os.path.join(tempfile.gettempdir(), f"cyclegan-{os.getpid()}.safetensors"))
    parser.add_argument("--steps", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--opponent", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path.insert(0, HERE)
    if arguments.opponent:
        opponent(arguments)
    else:
        status = main(arguments)
        os.remove(arguments.dump)
        sys.exit(status)
