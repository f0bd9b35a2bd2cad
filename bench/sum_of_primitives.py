#!/usr/bin/env python3
"""What a DCGAN step would take if it were nothing but oneDNN's bare primitives, each at its best and with its weights laid out beforehand.

    build/bench_primitives --benchmark_filter=64x64x3 --benchmark_format=json > primitives.json
    python bench/sum_of_primitives.py primitives.json

Uses a step, in batches of 64: the discriminator's layers forward 3 (real, fake, the generator's pass), filter gradient 2, image
gradient 3 (its first layer 1: real images need none); the generator's forward, filter and image gradient 1 (its stem no image
gradient). A transposed convolution is its convolution's image gradient.
"""
import json, sys

bare = {}
for b in json.load(open(sys.argv[1]))["benchmarks"]:
    size, op, layer = b["name"].split("/")[:3]
    bare[op, layer] = b["bare_us"] / 1e3   # milliseconds
layers = sorted({layer for _, layer in bare} - {"logit", "stem"}, key=lambda l: int(l.split("-")[0]))
total = 0
for i, layer in enumerate(layers):
    f, d, w = (bare[op, layer] for op in ("conv2d", "input_grad", "weight_grad"))
    total += 3 * f + 2 * w + (3 if i else 1) * d   # discriminator
    total += d + w + f                             # generator
total += 3 * bare["conv2d", "logit"] + 2 * bare["weight_grad", "logit"] + 3 * bare["input_grad", "logit"]
total += bare["input_grad", "stem"] + bare["weight_grad", "stem"]
print(f"{size}: {total:.1f} ms a step")
