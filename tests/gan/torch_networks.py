#!/usr/bin/env python3
"""Makes tests/gan/torch_networks.safetensors: what PyTorch makes of resnet, r3gan and the layers that came with them, in float64.

    python tests/gan/torch_networks.py        (torch, numpy, safetensors from PyPI)

Parameters and inputs are not stored: element i of the tensor NAME is sin(0.1 * sum of NAME's bytes + 12.9898 * i), scaled by what
it is for (value_of below, and in networks_test.cpp), so the file holds results alone. For each network: pictures in training and in
evaluation, the discriminator's logits, d sum(logits) / d pictures, and the gradient of the square of that in some parameters.
"""
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.nn.utils import spectral_norm

torch.set_default_dtype(torch.float64)
file = {}
channels, classes, batch = 1, 3, 4


def wave(name, shape):
    n = int(np.prod(shape))
    return torch.from_numpy(np.sin(0.1 * sum(name.encode()) + 12.9898 * np.arange(n))).reshape(tuple(shape))


def value_of(name, shape):
    last = name.split(".")[-1]
    if last == "running_var":
        return 1 + 0.3 * wave(name, shape)
    if last in ("weight_u", "weight_v", "basis", "weight_orig"):
        return wave(name, shape)
    if last in ("bias", "running_mean", "gain", "shift") or (last == "weight" and len(shape) == 1):
        return (1 if last == "weight" else 0) + 0.1 * wave(name, shape)
    return wave(name, shape) * math.sqrt(2 / (np.prod(shape) / shape[0]))


def fill(network):
    with torch.no_grad():
        for name, p in list(network.named_parameters()) + list(network.named_buffers()):
            if "num_batches" not in name and "fir" not in name:
                p.copy_(value_of(name, p.shape))
    return network


class ConditionalBatchNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.gain, self.shift = nn.Parameter(torch.zeros(classes, width)), nn.Parameter(torch.zeros(classes, width))

    def forward(self, x):
        gain, shift = (F.embedding(ConditionalBatchNorm.labels, t)[:, :, None, None] for t in (self.gain, self.shift))
        return self.norm(x) * (1 + gain) + shift


class GeneratorBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = ConditionalBatchNorm(width), ConditionalBatchNorm(width)
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = nn.Conv2d(width, width, 1)

    def forward(self, x):
        up = lambda t: F.interpolate(t, scale_factor=2)
        h = self.conv1(up(F.relu(self.norm1(x))))
        return self.conv2(F.relu(self.norm2(h))) + self.shortcut(up(x))


class ResnetGenerator(nn.Module):
    def __init__(self, width, latent):
        super().__init__()
        self.dense = nn.Linear(latent, 16 * width)
        self.blocks = nn.Sequential(*[GeneratorBlock(width) for _ in range(3)])
        self.norm, self.to_image = nn.BatchNorm2d(width), nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, z):
        h = self.blocks(self.dense(z).view(len(z), -1, 4, 4))
        return torch.tanh(self.to_image(F.relu(self.norm(h))))


class DiscriminatorBlock(nn.Module):
    def __init__(self, wide_in, width, halves, first):
        super().__init__()
        self.conv1, self.conv2 = (spectral_norm(nn.Conv2d(i, width, 3, padding=1)) for i in (wide_in, width))
        if halves:
            self.shortcut = spectral_norm(nn.Conv2d(wide_in, width, 1))
        self.halves, self.first = halves, first

    def forward(self, x):
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        return F.avg_pool2d(h, 2) + F.avg_pool2d(self.shortcut(x), 2) if self.halves else h + x


class ResnetDiscriminator(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.blocks = nn.Sequential(*[DiscriminatorBlock(channels if i == 0 else width, width, i < 2, i == 0) for i in range(4)])
        self.logit, self.embedding = spectral_norm(nn.Linear(width, 1)), spectral_norm(nn.Linear(classes, width, bias=False))

    def forward(self, x, y):
        h = F.relu(self.blocks(x)).sum((2, 3))
        return self.logit(h)[:, 0] + (self.embedding(y) * h).sum(1)


class Fir(nn.Module):
    def __init__(self, up, down):
        super().__init__()
        taps = torch.tensor([1.0, 3, 3, 1])
        self.up, self.down = up, down
        self.register_buffer("fir", torch.outer(taps, taps) / 64 * up * up)

    def forward(self, x):
        n, c, h, w = x.shape
        spread = torch.zeros(n, c, h * self.up, w * self.up)
        spread[:, :, ::self.up, ::self.up] = x
        before = 2 if self.up == 2 else 1
        spread = F.pad(spread, (before, 1, before, 1))
        return F.conv2d(spread, self.fir.expand(c, 1, 4, 4), stride=self.down, groups=c)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        wide = 2 * width
        self.conv1, self.conv2 = nn.Conv2d(width, wide, 1), nn.Conv2d(wide, wide, 3, padding=1, groups=wide // 16)
        self.conv3 = nn.Conv2d(wide, width, 1, bias=False)

    def forward(self, x):
        return x + self.conv3(F.leaky_relu(self.conv2(F.leaky_relu(self.conv1(x), 0.2)), 0.2))


class GenerativeBasis(nn.Module):
    def __init__(self, noise, width):
        super().__init__()
        self.basis, self.linear = nn.Parameter(torch.zeros(width, 4, 4)), nn.Linear(noise, width, bias=False)

    def forward(self, z):
        return self.linear(z)[:, :, None, None] * self.basis


class R3Generator(nn.Module):
    def __init__(self, width, latent, size):
        super().__init__()
        self.embedding = nn.Linear(classes, latent, bias=False)
        wide = lambda side: width * max(1, size // max(side, 32))
        layers, side = [GenerativeBasis(2 * latent, wide(4)), Block(wide(4)), Block(wide(4))], 8
        while side <= size:
            if wide(side) != wide(side // 2):
                layers.append(nn.Conv2d(wide(side // 2), wide(side), 1, bias=False))
            layers += [Fir(2, 1), Block(wide(side)), Block(wide(side))]
            side *= 2
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, channels, 1, bias=False))

    def forward(self, z, y):
        return self.layers(torch.cat([z, self.embedding(y)], 1))


class R3Discriminator(nn.Module):
    def __init__(self, width, latent, size):
        super().__init__()
        self.embedding = nn.Linear(classes, latent, bias=False)
        wide = lambda side: width * max(1, size // max(side, 32))
        layers, side = [nn.Conv2d(channels, width, 1, bias=False)], size
        while side > 4:
            layers += [Block(wide(side)), Block(wide(side)), Fir(1, 2)]
            if wide(side) != wide(side // 2):
                layers.append(nn.Conv2d(wide(side), wide(side // 2), 1, bias=False))
            side //= 2
        last = nn.Sequential()
        last.add_module("basis", nn.Conv2d(wide(4), wide(4), 4, groups=wide(4), bias=False))
        last.add_module("flatten", nn.Flatten())
        last.add_module("linear", nn.Linear(wide(4), latent, bias=False))
        self.layers = nn.Sequential(*layers, Block(wide(4)), Block(wide(4)), last)

    def forward(self, x, y):
        return (self.layers(x) * self.embedding(y)).sum(1)


def record(name, g, d, latent, size, parameters):
    label = torch.arange(batch) % classes
    ConditionalBatchNorm.labels, y = label, F.one_hot(label, classes).double()
    z, x = wave("z", (batch, latent)), wave("x", (batch, channels, size, size)).requires_grad_()
    make = (lambda: g(z, y)) if name.startswith("r3gan") else (lambda: g(z))
    g.eval()
    file[f"{name}.evaluation"] = make().detach()
    g.train()
    if name == "resnet":
        file[f"{name}.training"] = make().detach()
    for _ in range(2):                       # the second pass takes the power iteration's next step
        logits = d(x, y)
    slope = torch.autograd.grad(logits.sum(), x, create_graph=True)[0]
    if size == 64:                           # the first picture is enough
        file[f"{name}.evaluation"], slope_kept = file[f"{name}.evaluation"][:1], slope[:1]
    else:
        slope_kept = slope
    named = dict(d.named_parameters())
    file[f"{name}.logits"], file[f"{name}.slope"] = logits.detach(), slope_kept.detach()
    for key, gradient in zip(parameters, torch.autograd.grad((slope ** 2).sum(), [named[k] for k in parameters])):
        file[f"{name}.penalty.{key}"] = gradient


record("resnet", fill(ResnetGenerator(8, 5)), fill(ResnetDiscriminator(4)), 5, 32, ["blocks.0.conv1.weight_orig", "blocks.1.shortcut.weight_orig", "embedding.weight_orig"])
record("r3gan", fill(R3Generator(16, 5, 16)), fill(R3Discriminator(16, 5, 16)), 5, 16, ["layers.0.weight", "layers.2.conv3.weight", "embedding.weight"])
record("r3gan64", fill(R3Generator(8, 5, 64)), fill(R3Discriminator(8, 5, 64)), 5, 64, ["layers.4.weight"])

# Layers, one at a time.
x = wave("x", (4, 6, 5, 3))
file["sample_norm"] = fill(nn.GroupNorm(1, 6))(x).detach()
s = x.reshape(2, 2, 6, 5, 3)                 # StyleGAN2's order: members of a group are a stride apart
spread = (s.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
file["minibatch_std"] = torch.cat([x, spread.repeat(2)[:, None, None, None].expand(4, 1, 5, 3)], 1)
for key, layer, shape in (("conv", nn.Conv2d(4, 6, (3, 2), groups=2), (2, 4, 5, 3)), ("dense", nn.Linear(24, 5), (2, 24))):
    layer = fill(spectral_norm(layer))
    x = wave("x", shape)
    for i in range(3):
        file[f"spectral.{key}.{i}"] = out = layer(x)
    file[f"spectral.{key}.gradient"] = torch.autograd.grad((out ** 2).sum(), layer.weight_orig, retain_graph=True)[0]
    file[f"spectral.{key}.u"], file[f"spectral.{key}.v"] = layer.weight_u, layer.weight_v
    file[f"spectral.{key}.evaluation"] = layer.eval()(x)

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_networks.safetensors")
save_file({k: v.detach().contiguous().clone() for k, v in file.items()}, out)
print(os.path.getsize(out), {k: tuple(v.shape) for k, v in file.items()})
