#!/usr/bin/env python3
"""PyTorch as a witness of the generator's file: both programs must draw the same pictures from it, within 1/255.

    python bench/witness_pytorch.py RUN [--weft build/weft] [--count 16] [--seed 3]

First PyTorch's own DCGAN loads RUN's generator.safetensors and draws; then the other way round, PyTorch writes a generator
with random weights and weft draws. The latents are recomputed here, from the definition (SHA-256, Philox,
Box and Muller), so they are witnessed as well. Needs torch, numpy, safetensors and pillow from PyPI.
"""
import argparse, hashlib, pathlib, subprocess, sys, tempfile
import numpy as np
import torch
import torch.nn as nn
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file


def philox(key, step, elements):
    """Salmon et al., SC 2011: words (len(elements), 4)."""
    u32 = lambda v: v & np.uint64(0xFFFFFFFF)
    element = np.asarray(elements, np.uint64)
    c = [u32(element), element >> np.uint64(32), np.full_like(element, step & 0xFFFFFFFF), np.full_like(element, step >> 32)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), u32(b), (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), u32(a)]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1)


def latents(count, size, seed):
    key = int.from_bytes(hashlib.sha256(seed.to_bytes(8, "little") + b"sample").digest()[:8], "little")
    words = philox(key, 0, np.arange((count * size + 3) // 4))
    u = (words >> np.uint64(8)).astype(np.float64) / 2**24
    z = np.empty_like(u)
    for pair in (0, 2):
        radius, angle = np.sqrt(-2 * np.log(1 - u[:, pair])), 2 * np.pi * u[:, pair + 1]
        z[:, pair], z[:, pair + 1] = radius * np.cos(angle), radius * np.sin(angle)
    return torch.from_numpy(z.reshape(-1)[: count * size].reshape(count, size, 1, 1)).float()


def generator(state):
    """PyTorch's DCGAN generator for 16, 32, 64 or 128 pixels."""
    halvings, c = {16: 2, 32: 3, 64: 4, 128: 5}[state["size"]], state["width"]
    c <<= halvings - 1
    layers = [nn.ConvTranspose2d(state["latent"], c, 4, 1, 0, bias=False), nn.BatchNorm2d(c), nn.ReLU(True)]
    for _ in range(halvings - 1):
        layers += [nn.ConvTranspose2d(c, c // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(c // 2), nn.ReLU(True)]
        c //= 2
    layers += [nn.ConvTranspose2d(c, state["channels"], 4, 2, 1, bias=False), nn.Tanh()]
    holder = nn.Module()
    holder.main = nn.Sequential(*layers)
    return holder.eval()


def drawn_by_weft(args, run, folder):
    out = pathlib.Path(folder) / "pictures"
    subprocess.run([args.weft, "generate", str(run), "--out", str(out), "--count", str(args.count), "--seed", str(args.seed)], check=True, stdout=subprocess.DEVNULL)
    files = sorted(out.glob("*.png"))
    assert len(files) == args.count, f"{len(files)} pictures"
    return np.stack([np.asarray(Image.open(f)).astype(int) for f in files])


def gap(network, z, pictures):
    with torch.no_grad():
        y = network.main(z).permute(0, 2, 3, 1).numpy()
    mine = np.clip(np.rint((y + 1) * 127.5), 0, 255).astype(int).reshape(pictures.shape)
    return np.abs(mine - pictures).max()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run", type=pathlib.Path)
    p.add_argument("--weft", default="build/weft")
    p.add_argument("--count", type=int, default=16)
    p.add_argument("--seed", type=int, default=3)
    args = p.parse_args()
    latest = (args.run / "checkpoints" / "LATEST").read_text().strip()
    checkpoint = args.run / "checkpoints" / latest
    file = checkpoint / "generator.safetensors"
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    state = {k: int(metadata[k]) for k in ("size", "channels", "width", "latent")}
    z = latents(args.count, state["latent"], args.seed)

    ours = generator(state)
    missing, unexpected = ours.load_state_dict(load_file(file), strict=False)
    assert not unexpected and all(m.endswith("num_batches_tracked") for m in missing), (missing, unexpected)
    with tempfile.TemporaryDirectory() as folder:
        there = gap(ours, z, drawn_by_weft(args, file, folder))

    torch.manual_seed(0)
    theirs = generator(state)
    for name, tensor in theirs.state_dict().items():
        if name.endswith("running_mean"): tensor.normal_(0, 0.1)
        if name.endswith("running_var"): tensor.uniform_(0.5, 1.5)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "theirs.safetensors"
        save_file({k: v.contiguous() for k, v in theirs.state_dict().items()}, file, metadata)
        back = gap(theirs, z, drawn_by_weft(args, file, folder))
    print(f"largest difference of a pixel, of 255: weft's file drawn by PyTorch {there}, PyTorch's file drawn by weft {back}")
    return 0 if max(there, back) <= 1 else 3


if __name__ == "__main__":
    sys.exit(main())
