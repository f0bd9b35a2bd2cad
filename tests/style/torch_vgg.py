#!/usr/bin/env python3
"""Makes tests/style/torch_vgg.safetensors: what PyTorch computes with torchvision's VGG19, in float64.

    python tests/style/torch_vgg.py                    (torch, numpy, safetensors from PyPI)
    python tests/style/torch_vgg.py --full FILE        the same at VGG19's real widths, for WEFT_VGG_WITNESS=FILE build/tests_style

The committed file has VGG19's layers up to relu5_1 at widths 2 to 12, so that it stays small. Stored: random weights under
torchvision's names, pictures in [-1, 1] of an odd size, every tap, and the gradient of the sum of the taps' mean squares in the pictures.
The border of the picture is repeated before the first convolution.
"""
import argparse
import os
import torch
import torch.nn as nn
from safetensors.torch import save_file

parser = argparse.ArgumentParser()
parser.add_argument("--full", metavar="FILE")
full = parser.parse_args().full
widths = [64, 128, 256, 512, 512] if full else [2, 4, 8, 12, 12]

torch.manual_seed(0)
layers, channels = [], 3
for width, count in zip(widths, [2, 2, 4, 4, 1]):
    for _ in range(count):
        layers += [nn.Conv2d(channels, width, 3, padding=1, padding_mode="zeros" if layers else "replicate"), nn.ReLU()]
        nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
        nn.init.uniform_(layers[-2].bias, -0.1, 0.1)
        channels = width
    layers.append(nn.MaxPool2d(2))
features = nn.Sequential(*layers[:-1])                               # named 0, 2, 5, 7, 10, ... as torchvision's
weights = {f"features.{name}": value.clone() for name, value in features.state_dict().items()}
features.double()

pixels = (torch.rand(2, 3, 19, 26, dtype=torch.float64) * 2 - 1).requires_grad_()
mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(1, 3, 1, 1)
deviation = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(1, 3, 1, 1)
x, loss, taps = ((pixels + 1) / 2 - mean) / deviation, 0, []
for layer in features:
    x = layer(x)
    if isinstance(layer, nn.ReLU):
        taps.append(x.detach())
        loss = loss + (x ** 2).mean()
loss.backward()

tensors = {**weights, "pixels": pixels.detach(), "gradient": pixels.grad}
tensors.update({f"tap{i}": t.contiguous() for i, t in enumerate(taps)})
path = full or os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_vgg.safetensors")
save_file(tensors, path, metadata={} if full else {"model": "features"})
print(path, os.path.getsize(path), "bytes")
