#!/usr/bin/env python3
"""About the most that SSIM to a content can be for a result with exactly a style's local contrasts.

    bench/ssim_ceiling.py --contents PHOTO... --styles PAINTING... [--size 256] [--left 0.15]

SSIM's factors of contrast and structure are at most (2 s t + c) / (s^2 + t^2 + c), s and t the deviations in the 11x11 Gaussian window (sigma
1.5) of content and result: all else alike. With the style's deviations handed out in the content's order, which is the best of all orders but
for the places nearly flat, the mean of that is the ceiling. A transfer that leaves a part of the distance may be above it: with --left, deviations
may miss the style's by that share of the mean by which the content's do (1-Wasserstein), spent where it raises SSIM most.
Writes a Markdown table to stdout. Needs numpy and Pillow.
"""
import argparse, pathlib
import numpy
from PIL import Image

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--contents", nargs="+", required=True)
parser.add_argument("--styles", nargs="+", required=True)
parser.add_argument("--size", type=int, default=256, help="of the longer side")
parser.add_argument("--left", type=float, default=0, help="share of the distance between the two sets of deviations that may be left")
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


def alike(s, t):
    return (2 * s * t + 0.03**2) / (s**2 + t**2 + 0.03**2)


def ceiling(own, style):
    """Each of 500 quantiles moves a share of the way back to the content's own; a price on moving is sought at which all is spent."""
    at = (numpy.arange(500) + 0.5) / 500
    s, t = numpy.quantile(own, at)[:, None], numpy.quantile(style, at)[:, None]
    tried = t + numpy.linspace(0, 1, 201) * (s - t)
    gain, way = alike(s, tried), abs(tried - t)
    low, high = 0.0, 1e4
    for _ in range(60):
        price = (low + high) / 2
        best = numpy.argmax(gain - price * way, axis=1)[:, None]
        dear = numpy.take_along_axis(way, best, 1).mean() <= a.left * abs(s - t).mean()
        low, high = (low, price) if dear else (price, high)
    # The dual's value is above what any way of spending gains.
    return (gain - high * way).max(axis=1).mean() + high * a.left * abs(s - t).mean()


styles = {pathlib.Path(s).stem: deviations(s) for s in a.styles}
print("| at most | " + " | ".join(styles) + " |\n|" + "---|" * (len(styles) + 1))
for content in a.contents:
    own = deviations(content)
    print(f"| {pathlib.Path(content).stem} | " + " | ".join(f"{ceiling(own, style):.2f}" for style in styles.values()) + " |")
