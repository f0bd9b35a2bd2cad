#!/usr/bin/env python3
"""Makes tests/gan/torch_steps.safetensors: three training steps of PyTorch's DCGAN example, in float64.

    python tests/gan/torch_steps.py        (torch, numpy, safetensors from PyPI)

Networks of 16x16x3, width 4, latent 8, batch 4, so that the file stays small. Stored: the initial state dicts, each step's
real images and latents, its losses, and the final state dicts, plus the trained generator's pictures in evaluation mode.
"""
import os
import torch
import torch.nn as nn
from safetensors.torch import save_file

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
width, latent, batch, channels = 4, 8, 4, 3


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(latent, width * 2, 4, 1, 0, bias=False), nn.BatchNorm2d(width * 2), nn.ReLU(True),
            nn.ConvTranspose2d(width * 2, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True),
            nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, x):
        return self.main(x)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, width * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(width * 2), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width * 2, 1, 4, 1, 0, bias=False), nn.Flatten(0))

    def forward(self, x):
        return self.main(x)


def state(prefix, network):
    return {f"{prefix}.{k}": v.clone() for k, v in network.state_dict().items() if "num_batches" not in k}


g, d = Generator(), Discriminator()
for m in list(g.modules()) + list(d.modules()):
    if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(m.weight, 0, 0.2)
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1, 0.1)
        nn.init.normal_(m.bias, 0, 0.1)
tensors = {**state("start.generator", g), **state("start.discriminator", d)}
opt_g = torch.optim.Adam(g.parameters(), lr=2e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(d.parameters(), lr=2e-3, betas=(0.5, 0.999))
bce = nn.functional.binary_cross_entropy_with_logits
one, zero = torch.ones(batch), torch.zeros(batch)

for step in range(3):
    real, z = torch.rand(batch, channels, 16, 16) * 2 - 1, torch.randn(batch, latent, 1, 1)
    opt_d.zero_grad()
    loss_d = bce(d(real), one)
    loss_d.backward()
    fake = g(z)
    loss_fake = bce(d(fake.detach()), zero)
    loss_fake.backward()
    opt_d.step()
    opt_g.zero_grad()
    loss_g = bce(d(fake), one)
    loss_g.backward()
    opt_g.step()
    tensors[f"step{step}.real"], tensors[f"step{step}.latent"] = real, z
    tensors[f"step{step}.losses"] = torch.stack([loss_d + loss_fake, loss_g]).detach()

tensors.update({**state("end.generator", g), **state("end.discriminator", d)})
g.eval()
tensors["pictures"] = g(tensors["step0.latent"]).detach()
save_file({k: v.contiguous() for k, v in tensors.items()}, os.path.join(os.path.dirname(__file__), "torch_steps.safetensors"))
print({k: v.tolist() for k, v in tensors.items() if k.endswith("losses")})
