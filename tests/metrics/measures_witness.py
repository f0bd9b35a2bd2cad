"""Where the figures in set_measures_test.cpp come from: the definitions in float64, written without a look at weft's.

    python tests/metrics/measures_witness.py        (numpy, torch from PyPI)

Frechet's distance is taken through the complex square root of the product's eigenvalues, which are not those of a symmetric
matrix; the bias is simulated; the neighbourhoods are counted from the full table of distances; MS-SSIM convolves with torch.
"""
import numpy as np
import torch


def points(count, dimensions, seed):
    i, k = np.meshgrid(np.arange(count), np.arange(dimensions), indexing="ij")
    return ((i * i * 37 + k * 101 + i * k * 13 + (i + 5) * (k + 3) ** 2 * seed) % 127) / 32 - 2


def frechet(x, y):
    s, t = np.cov(x.T), np.cov(y.T)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s + t) - 2 * np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real.sum()


def kernel(x, y):
    n, m, d = len(x), len(y), x.shape[1]
    k = lambda a, b: (a @ b.T / d + 1) ** 3
    xx, yy = k(x, x), k(y, y)
    return (xx.sum() - np.trace(xx)) / n / (n - 1) + (yy.sum() - np.trace(yy)) / m / (m - 1) - 2 * k(x, y).mean()


def distances(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))


def reaches(x, k):
    return np.sort(distances(x, x), 1)[:, k]  # the nearest of all is the point itself


def neighbourhood(real, fake):
    d = distances(real, fake)
    inside3, inside5 = d < reaches(real, 3)[:, None], d < reaches(real, 5)[:, None]
    return (inside3.any(0).mean(), (d < reaches(fake, 3)[None]).any(1).mean(), inside5.sum(0).mean() / 5, inside5.any(1).mean())


def bias(count, deviations, runs):
    """Of the distance between a sample and the exact moments, all means 0; then between two samples."""
    random = np.random.default_rng(0)
    d = len(deviations)
    exact = np.diag(np.square(deviations))
    one, two = [], []
    for _ in range(runs):
        x, y = (random.standard_normal((count, d)) * deviations for _ in range(2))
        s = np.cov(x.T)
        root = np.sqrt(np.linalg.eigvals(s @ exact).real).sum()
        one.append((x.mean(0) ** 2).sum() + np.trace(s + exact) - 2 * root)
        two.append(frechet(x, y))
    return np.mean(one), np.mean(two)


def picture(height, width, seed):
    y, x, k = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((y * (7 + seed) + x * 3 * (k + 1) + (x * y + seed) % 29 * 5) % 256).astype(np.uint8)


def multi_scale_similarity(a, b, scales):
    t = torch.arange(-5, 6, dtype=torch.float64)
    g = torch.exp(-(t**2) / (2 * 1.5**2))
    g /= g.sum()
    window = (g[:, None] * g[None])[None, None]
    luma = lambda p: torch.tensor((p / 255.0) @ np.array([0.299, 0.587, 0.114]))[None, None]
    mean = lambda z: torch.nn.functional.conv2d(z, window)
    x, y = luma(a), luma(b)
    exponents = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:scales], dtype=torch.float64)
    exponents /= exponents.sum()
    result = 1
    for s in range(scales):
        if s:
            x, y = (torch.nn.functional.avg_pool2d(z, 2) for z in (x, y))
        u, v = mean(x), mean(y)
        cs = (2 * (mean(x * y) - u * v) + 0.03**2) / (mean(x * x) - u * u + mean(y * y) - v * v + 0.03**2)
        l = (2 * u * v + 0.01**2) / (u * u + v * v + 0.01**2)
        factor = (l * cs).mean() if s + 1 == scales else cs.mean()
        result = result * max(factor, torch.tensor(0.0)) ** exponents[s]
    return float(result)


if __name__ == "__main__":
    x, y = points(60, 5, 1), points(50, 5, 3) * 0.75 + 1
    print("frechet", frechet(x, y))
    print("kernel", kernel(x, y))
    print("precision, recall, density, coverage", neighbourhood(x, y))
    print("bias at n 200 of deviations (1, 1), against the exact and against another sample", bias(200, [1, 1], 20000))
    print("bias at n 200 of deviations (1, 1.5, 0.5)", bias(200, [1, 1.5, 0.5], 20000))
    a, b = picture(52, 60, 1), picture(52, 60, 4)
    quarter = ((a.astype(int) * 3 + b) // 4).astype(np.uint8)
    print("multi-scale similarity", multi_scale_similarity(a, quarter, 3), multi_scale_similarity(a[:20, :20], quarter[:20, :20], 1))
