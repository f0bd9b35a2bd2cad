#!/usr/bin/env python3
"""Makes tests/translation/torch_steps.safetensors: three training steps of CycleGAN, CUT and pix2pix in PyTorch, in float64.

    python tests/translation/torch_steps.py        (torch, numpy, safetensors from PyPI)

Pictures of 32x32x3 and networks of width 4, so that the file stays small. Stored: each network's initial state dict, each step's
pictures, and its losses in the order of their names in the file's metadata. Nothing is random in a step: no pool, no dropout,
and PatchNCE takes all places of a feature map.
"""
import json
import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
WIDTH, SIDE, STEPS, COLUMNS = 4, 32, 3, 16


def norm(channels):
    return nn.InstanceNorm2d(channels)


class Blur(nn.Module):
    """[1 2 1]/4 both ways over reflected borders, then every other pixel."""

    def forward(self, x):
        taps = torch.tensor([1., 2., 1.]) / 4
        kernel = (taps[:, None] * taps[None, :]).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=x.shape[1])


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv_block = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), norm(c), nn.ReLU(),
                                        nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), norm(c))

    def forward(self, x):
        return x + self.conv_block(x)


class Resnet(nn.Module):
    def __init__(self, blocks, blurred):
        super().__init__()
        w = WIDTH
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7), norm(w), nn.ReLU()]
        for c in (w, 2 * w):
            layers += [nn.Conv2d(c, 2 * c, 3, 1 if blurred else 2, 1), norm(2 * c), nn.ReLU()]
            layers += [Blur()] if blurred else []
        layers += [Residual(4 * w) for _ in range(blocks)]
        for c in (4 * w, 2 * w):
            layers += ([nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), nn.Conv2d(c, c // 2, 3, 1, 1)] if blurred
                       else [nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1)])
            layers += [norm(c // 2), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)

    def features(self, x, layers):
        found = []
        for i, layer in enumerate(self.model[:max(layers) + 1]):
            x = layer(x)
            found += [x] if i in layers else []
        return found


class Patch(nn.Module):
    def __init__(self, channels, blurred, make_norm=norm, bias=True):
        super().__init__()
        w, stride = WIDTH, 1 if blurred else 2
        blur = [Blur()] if blurred else []
        layers = [nn.Conv2d(channels, w, 4, stride, 1), nn.LeakyReLU(0.2), *blur]
        for c, last in ((w, False), (2 * w, False), (4 * w, True)):
            layers += [nn.Conv2d(c, 2 * c, 4, 1 if last else stride, 1, bias=bias), make_norm(2 * c), nn.LeakyReLU(0.2), *([] if last else blur)]
        self.model = nn.Sequential(*layers, nn.Conv2d(8 * w, 1, 4, 1, 1))

    def forward(self, x):
        return self.model(x)


class Level(nn.Module):
    """One level of the U-Net, from `outer` channels to `inner` and back."""

    def __init__(self, outer, inner, inside=None, outermost=False):
        super().__init__()
        self.outermost = outermost
        down = nn.Conv2d(3 if outermost else outer, inner, 4, 2, 1, bias=False)
        up = nn.ConvTranspose2d(inner if inside is None else 2 * inner, 3 if outermost else outer, 4, 2, 1, bias=outermost)
        if outermost:
            layers = [down, inside, nn.ReLU(), up, nn.Tanh()]
        elif inside is None:
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, nn.BatchNorm2d(outer)]
        else:
            layers = [nn.LeakyReLU(0.2), down, nn.BatchNorm2d(inner), inside, nn.ReLU(), up, nn.BatchNorm2d(outer)]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        w = WIDTH
        level = Level(8 * w, 8 * w)
        for outer, inner in ((4 * w, 8 * w), (2 * w, 4 * w), (w, 2 * w)):
            level = Level(outer, inner, level)
        self.model = Level(3, w, level, outermost=True)

    def forward(self, x):
        return self.model(x)


class Heads(nn.Module):
    def __init__(self, channels):
        super().__init__()
        for i, c in enumerate(channels):
            setattr(self, f"mlp_{i}", nn.Sequential(nn.Linear(c, COLUMNS), nn.ReLU(), nn.Linear(COLUMNS, COLUMNS)))

    def forward(self, features):
        rows = [getattr(self, f"mlp_{i}")(f.permute(0, 2, 3, 1).flatten(0, 2)) for i, f in enumerate(features)]
        return [y / (y.pow(2).sum(1, keepdim=True).sqrt() + 1e-7) for y in rows]


def drawn(network, spread=0.1):
    for m in network.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(m.weight, 0, spread)
            if m.bias is not None:
                nn.init.normal_(m.bias, 0, spread)
        elif isinstance(m, nn.BatchNorm2d):
            nn.init.normal_(m.weight, 1, 0.1)
            nn.init.normal_(m.bias, 0, 0.1)
    return network.float().double()     # as the file has them


def adam(*networks):
    return torch.optim.Adam([p for n in networks for p in n.parameters()], lr=2e-4, betas=(0.5, 0.999))


def squares(logits, target):
    return ((logits - target) ** 2).mean()


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def judge(d, real, fake, loss):
    return 0.5 * (loss(d(real), 1.) + loss(d(fake.detach()), 0.))


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


tensors, names = {}, {}


def begin(model, **networks):
    for name, network in networks.items():
        for key, value in network.state_dict().items():
            if "num_batches" not in key:
                tensors[f"{model}.{name}.{key}"] = value.clone()


def keep(model, step, a, b, losses):
    tensors[f"{model}.step{step}.a"], tensors[f"{model}.step{step}.b"] = a, b
    tensors[f"{model}.step{step}.losses"] = torch.stack([v.detach() for v in losses.values()])
    names[model] = " ".join(losses)


def pictures(batch):
    return ((torch.rand(batch, 3, SIDE, SIDE) * scale - shift).float().double() for scale, shift in ((2, 1), (1.2, 0.9)))


def cyclegan():
    ab, ba, d_a, d_b = drawn(Resnet(2, False)), drawn(Resnet(2, False)), drawn(Patch(3, False)), drawn(Patch(3, False))
    begin("cyclegan", generator=ab, generator_back=ba, discriminator_a=d_a, discriminator_b=d_b)
    opt_g, opt_a, opt_b = adam(ab, ba), adam(d_a), adam(d_b)
    for step in range(STEPS):
        a, b = pictures(1)
        fake_b, fake_a = ab(a), ba(b)
        losses = {"loss_gan_ab": squares(d_b(fake_b), 1.), "loss_gan_ba": squares(d_a(fake_a), 1.),
                  "loss_cycle_a": 10 * F.l1_loss(ba(fake_b), a), "loss_cycle_b": 10 * F.l1_loss(ab(fake_a), b),
                  "loss_identity_a": 5 * F.l1_loss(ba(a), a), "loss_identity_b": 5 * F.l1_loss(ab(b), b)}
        update(opt_g, sum(losses.values()))
        losses["loss_d_a"] = judge(d_a, a, fake_a, squares)
        losses["loss_d_b"] = judge(d_b, b, fake_b, squares)
        update(opt_a, losses["loss_d_a"])
        update(opt_b, losses["loss_d_b"])
        keep("cyclegan", step, a, b, losses)


def cut():
    g, d, heads = drawn(Resnet(2, True)), drawn(Patch(3, True)), drawn(Heads((3, 2 * WIDTH, 4 * WIDTH, 4 * WIDTH, 4 * WIDTH)))
    begin("cut", generator=g, discriminator=d, projection=heads)
    opt_g, opt_d, opt_f = adam(g), adam(d), adam(heads)
    layers = [0, 4, 8, 12, 13]

    def nce(source, result):
        queries, keys = heads(g.features(result, layers)), heads(g.features(source, layers))
        total = 0
        for q, k in zip(queries, keys):
            total = total + F.cross_entropy(q @ k.detach().T / 0.07, torch.arange(len(q)))
        return total / len(layers)

    for step in range(STEPS):
        a, b = pictures(1)
        fake = g(a)
        loss_d = judge(d, b, fake, squares)
        update(opt_d, loss_d)
        losses = {"loss_gan": squares(d(fake), 1.), "loss_nce": 0.5 * nce(a, fake), "loss_nce_identity": 0.5 * nce(b, g(b))}
        opt_f.zero_grad()
        update(opt_g, sum(losses.values()))
        opt_f.step()
        keep("cut", step, a, b, {**losses, "loss_d": loss_d})


def pix2pix():
    g, d = drawn(Unet()), drawn(Patch(6, False, nn.BatchNorm2d, False))
    begin("pix2pix", generator=g, discriminator=d)
    opt_g, opt_d = adam(g), adam(d)
    for step in range(STEPS):
        a, b = pictures(2)
        fake = g(a)
        loss_d = judge(d, torch.cat([a, b], 1), torch.cat([a, fake], 1), bce)
        update(opt_d, loss_d)
        losses = {"loss_gan": bce(d(torch.cat([a, fake], 1)), 1.), "loss_l1": 100 * F.l1_loss(fake, b)}
        update(opt_g, sum(losses.values()))
        keep("pix2pix", step, a, b, {**losses, "loss_d": loss_d})


if __name__ == "__main__":
    cyclegan()
    cut()
    pix2pix()
    save_file({k: v.contiguous() if k.endswith("losses") else v.float().contiguous() for k, v in tensors.items()},
              os.path.join(os.path.dirname(__file__), "torch_steps.safetensors"), metadata=names)
    print(json.dumps({k: v.tolist() for k, v in tensors.items() if k.endswith("losses")}, indent=1))
