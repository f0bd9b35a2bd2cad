#!/usr/bin/env python3
"""Hugging Face's safetensors against ours, both ways: `safetensors_witness.py PROGRAM`, where PROGRAM is tests_data.

It writes theirs.safetensors and runs our test of that name, which reads it and writes ours.safetensors with the same tensors;
then their reader must find in it what it wrote.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

random = np.random.default_rng(1)
tensors = {f"{kind}.{'x'.join(map(str, shape))}": np.asarray(random.normal(size=shape) * 50).astype(kind)
           for kind in ("float32", "float64", "float16", "int64", "int32", "uint8", "int8", "bool")
           for shape in ((), (3,), (0, 4), (2, 3, 5), (4, 1, 1, 7))}
metadata = {"format": "np", "ü": 'a "quoted"\nline'}
with tempfile.TemporaryDirectory(prefix="witness é ") as folder:
    save_file(tensors, f"{folder}/theirs.safetensors", metadata)
    subprocess.run([sys.argv[1], "--no-skip", "-tc=safetensors: the outside witness*"], check=True,
                   env={**os.environ, "WEFT_WITNESS": folder})
    ours = load_file(f"{folder}/ours.safetensors")
    assert ours.keys() == tensors.keys()
    for name, expected in tensors.items():
        got = ours[name]
        assert got.dtype == expected.dtype and got.shape == expected.shape and got.tobytes() == expected.tobytes(), name
    with safe_open(f"{folder}/ours.safetensors", "np") as file:
        assert file.metadata() == metadata
print(f"{len(tensors)} tensors, equal both ways")
