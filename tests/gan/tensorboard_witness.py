#!/usr/bin/env python3
"""TensorBoard reads what weft wrote: `tensorboard_witness.py WEFT`, where WEFT is the program. Needs the package tensorboard.

It trains on swatches, kills the run between two checkpoints, resumes it, and asks TensorBoard's own reader for the curves: each
must be log.jsonl's, point by point as float32, with nothing left of the steps that were taken twice; every sheet is the PNG file.
"""
import json
import math
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TAGS = {"loss/d": "loss_d", "loss/g": "loss_g", "d/real": "d_real", "d/fake": "d_fake", "d/fake_after": "d_fake_after",
        "gradient_norm/discriminator": "gradient_norm_discriminator", "gradient_norm/generator": "gradient_norm_generator", "images_per_second": "images_per_second"}


def lines(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines() if line.endswith("}")]


with tempfile.TemporaryDirectory(prefix="witness é ") as folder:
    run = pathlib.Path(folder) / "run"
    words = [sys.argv[1], "train", "dcgan", "--data", "swatches", "--size", "16", "--width", "8", "--batch", "16", "--steps", "900", "--samples-every", "100",
             "--set", "run.checkpoint_every=400", "--set", "run.log_every=1", "--out", str(run), "--device", "cpu"]
    first = subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    events = lambda: [f.stat().st_size for f in run.glob("events.out.tfevents.*")]
    while not ((run / "log.jsonl").exists() and len(lines(run)) > 450):
        time.sleep(0.001)
    first.send_signal(signal.SIGSTOP)          # so long that the next point goes to the disk
    time.sleep(5.5)
    before = events()
    first.send_signal(signal.SIGCONT)
    while events() == before:
        time.sleep(0.001)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    cut = lines(run)[-1]["step"]
    subprocess.run(words + ["--resume"], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    files = sorted(run.glob("events.out.tfevents.*"))
    assert len(files) == 2, files
    orphans = EventAccumulator(str(files[0]), {"scalars": 0, "images": 0}).Reload().Scalars("loss/g")

    assert 400 < orphans[-1].step < 800, "the first file holds no points after the checkpoint: nothing to hide"
    told = EventAccumulator(str(run), {"scalars": 0, "images": 0}).Reload()
    log = lines(run)
    assert [line["step"] for line in log] == list(range(1, 901))
    for tag, key in TAGS.items():
        got = told.Scalars(tag)
        assert [e.step for e in got] == [line["step"] for line in log], tag
        for event, line in zip(got, log):
            wanted = math.nan if line[key] is None else line[key]
            assert np.float32(event.value) == np.float32(wanted) or math.isnan(wanted), (tag, event, line)
    sheets = sorted((run / "samples").glob("*.png"))
    images = told.Images("samples")
    assert [e.step for e in images] == [int(s.stem[5:]) for s in sheets]
    assert all(e.encoded_image_string == s.read_bytes() for e, s in zip(images, sheets))
    assert (images[0].width, images[0].height) == tuple(int.from_bytes(sheets[0].read_bytes()[at:at + 4], "big") for at in (16, 20))
    print(f"killed at step {cut}; the first file ends at step {orphans[-1].step}, the second begins after step 400; {len(TAGS)} curves of {len(log)} points and {len(images)} pictures are equal")
