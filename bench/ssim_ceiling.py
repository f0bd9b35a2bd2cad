#!/usr/bin/env python3
"""About the most that SSIM to a content can be for a result with exactly a style's local contrasts.

    bench/ssim_ceiling.py --contents PHOTO... --styles PAINTING... [--size 256]

SSIM's factors of contrast and structure are at most (2 s t + c) / (s^2 + t^2 + c), s and t the deviations in the 11x11 Gaussian window (sigma
1.5) of content and result: all else alike. With the style's deviations handed out in the content's order, which is the best of all orders but
for the places nearly flat, the mean of that is the ceiling. A transfer that leaves a part of the distance may be above it by what it leaves.
Writes a Markdown table to stdout. Needs numpy and Pillow.
"""
import argparse, pathlib
import numpy
from PIL import Image

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--contents", nargs="+", required=True)
parser.add_argument("--styles", nargs="+", required=True)
parser.add_argument("--size", type=int, default=256, help="of the longer side")
a = parser.parse_args()

window = numpy.exp(-numpy.arange(-5, 6) ** 2 / (2 * 1.5**2))
window /= window.sum()


def blurred(plane):
    for axis in (0, 1):
        plane = numpy.apply_along_axis(lambda line: numpy.convolve(line, window, "valid"), axis, plane)
    return plane


def deviations(file):
    """In rising order."""
    picture = Image.open(file).convert("RGB")
    scale = a.size / max(picture.size)
    picture = picture.resize([max(11, round(side * scale)) for side in picture.size], Image.BOX if scale < 1 else Image.BILINEAR)
    light = numpy.asarray(picture, float) @ [0.299, 0.587, 0.114] / 255
    return numpy.sort(numpy.sqrt(numpy.maximum(blurred(light**2) - blurred(light) ** 2, 0)).ravel())


styles = {pathlib.Path(s).stem: deviations(s) for s in a.styles}
print("| at most | " + " | ".join(styles) + " |\n|" + "---|" * (len(styles) + 1))
for content in a.contents:
    own, row = deviations(content), []
    for style in styles.values():
        given = style[(2 * numpy.arange(own.size) + 1) * style.size // (2 * own.size)]
        row.append(numpy.mean((2 * own * given + 0.03**2) / (own**2 + given**2 + 0.03**2)))
    print(f"| {pathlib.Path(content).stem} | " + " | ".join(f"{v:.2f}" for v in row) + " |")
