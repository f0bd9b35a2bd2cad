#!/usr/bin/env python3
"""Makes tests/metrics/torch_classifier.safetensors: what PyTorch makes of the classifier's layers, in float64.

    python tests/metrics/torch_classifier.py        (torch, numpy, safetensors from PyPI)

18 pixels, so two stages and an odd side behind the first pool; width 2, one channel, 3 classes. Stored: the state dict, pictures,
labels, the features and logits in evaluation mode, and the loss and the share of pictures that are taken for another class.
"""
import os
import torch
import torch.nn as nn
from safetensors.torch import save_file

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(4 * 4 * 4, 128), nn.ReLU())
        self.last = nn.Linear(128, 3)


net = Classifier().eval()
for m in net.modules():
    if isinstance(m, nn.BatchNorm2d):
        for t in (m.weight, m.bias, m.running_mean):
            nn.init.normal_(t, 0.5, 0.3)
        nn.init.uniform_(m.running_var, 0.5, 2)
x, labels = torch.rand(5, 1, 18, 18) * 2 - 1, torch.tensor([0, 2, 1, 1, 0])
with torch.no_grad():
    features = net.body(x)
    logits = net.last(features)
tensors = {k: v.clone().contiguous() for k, v in net.state_dict().items() if "num_batches" not in k}
tensors.update({"expected.pixels": x, "expected.features": features, "expected.logits": logits, "expected.labels": nn.functional.one_hot(labels, 3).double(),
                "expected.loss": nn.functional.cross_entropy(logits, labels), "expected.error": (logits.argmax(1) != labels).double().mean()})
save_file(tensors, os.path.join(os.path.dirname(__file__), "torch_classifier.safetensors"))
print({k: v.tolist() for k, v in tensors.items() if v.ndim == 0})
