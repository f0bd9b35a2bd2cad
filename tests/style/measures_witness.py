"""Where the figures in measures_test.cpp come from: the definitions in float64 numpy, written without a look at weft's."""
import numpy as np


def picture(height, width, seed):
    y, x, k = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((y * (7 + seed) + x * 3 * (k + 1) + (x * y + seed) % 29 * 5) % 256).astype(np.uint8)


def luma(p):
    return (p / 255.0) @ np.array([0.299, 0.587, 0.114])


def windows(plane, side):
    return np.lib.stride_tricks.sliding_window_view(plane, (side, side))


def ssim(a, b):
    t = np.arange(-5, 6)
    g = np.exp(-(t[:, None] ** 2 + t[None] ** 2) / (2 * 1.5**2))
    g /= g.sum()
    wa, wb = windows(luma(a), 11), windows(luma(b), 11)
    mean = lambda w: (w * g).sum((-1, -2))
    ma, mb = mean(wa), mean(wb)
    va = mean((wa - ma[..., None, None]) ** 2)
    vb = mean((wb - mb[..., None, None]) ** 2)
    cov = mean((wa - ma[..., None, None]) * (wb - mb[..., None, None]))
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean()


def wasserstein(a, b):
    """1-D optimal transport of two samples of any sizes, by repeating each to a common length."""
    n = np.lcm(len(a), len(b))
    return np.abs(np.repeat(np.sort(a), n // len(a)) - np.repeat(np.sort(b), n // len(b))).mean()


def cosine_distance(a, b):
    t = np.arange(7)
    basis = np.array([np.ones(7) / np.sqrt(7)] + [np.sqrt(2 / 7) * np.cos(np.pi / 7 * (t + 0.5) * k) for k in range(1, 7)])
    colours = np.array([[1, 1, 1] / np.sqrt(3), [1, 0, -1] / np.sqrt(2), [-1, 2, -1] / np.sqrt(6)])
    gaps = []
    pa, pb = [np.stack([windows(p[..., k] / 255.0, 7) for k in range(3)], -1).reshape(-1, 7, 7, 3) for p in (a, b)]
    for c in colours:
        for v in basis:
            for u in basis:
                f = v[:, None, None] * u[None, :, None] * c
                gaps.append(wasserstein((pa * f).sum((1, 2, 3)), (pb * f).sum((1, 2, 3))))
    return np.mean(gaps)


def gradient_energy(a):
    p = luma(a)
    return (np.diff(p, axis=0) ** 2).mean() + (np.diff(p, axis=1) ** 2).mean()


a, b = picture(24, 30, 1), picture(24, 30, 4)
quarter = ((a.astype(int) * 3 + b) // 4).astype(np.uint8)  # a quarter of b
print("ssim", ssim(a, quarter))
print("cosine patch distance", cosine_distance(picture(16, 20, 1), picture(13, 24, 4)))
print("gradient energy", gradient_energy(a))
print("correlation", np.corrcoef(luma(a).ravel(), luma(quarter).ravel())[0, 1])
