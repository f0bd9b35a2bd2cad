#!/usr/bin/env python3
"""Rebuilds the tables of docs/performance.md from bench/results/.

    python bench/results.py                     writes the tables between the marks <!-- results: NAME --> and <!-- end -->
    python bench/results.py --check             writes nothing; ends with 1 if the tables are not what the results say
    python bench/results.py --page all.html     one page to look at with every device on it

In that folder: NAME.json of `weft bench`, NAME-first-minute.json of first_gpu_minute, NAME-pytorch.json of compare_pytorch.py --out.
A cell that nobody measured says so. Needs Python alone.
"""
import argparse, glob, json, math, os, re, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from compare_pytorch import VARIANTS

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODES = ["fp32", "3xtf32", "tf32", "bf16"]
PASSES = ["forward", "input_grad", "weight_grad"]
NONE = "not yet measured"


def load(folder):
    """Results by kind and slug; device `sim` is a rehearsal and not among them."""
    found = {"bench": {}, "first-minute": {}, "pytorch": {}}
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        name = os.path.basename(path)[:-5]
        kind = next((k for k in ("first-minute", "pytorch") if name.endswith("-" + k)), "bench")
        content = json.load(open(path))
        if kind == "pytorch" or content["device"] != "sim":
            found[kind][name.removesuffix("-" + kind)] = content
    return found


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(map(str, r)) + " |" for r in rows])


def rows_of(result, **wanted):
    return [r for r in (result or {"rows": []})["rows"] if all(r[k] == v for k, v in wanted.items())]


def share(r):
    return r["floor_us"] / r["cold_us"]["median"]


def rate(value):
    return f"{value / 1e12:.1f} T" if value >= 1e12 else f"{value / 1e9:.0f} G"


def mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def about(result):
    note = "" if result["finished"] else f" Not everything was measured: {result['why_early']}."
    return f"{result['describe']}. {result['date'][:10]}.{note}"


def ceilings(result, modes):
    if not result:
        return table(["copies"] + [f"products in {m}" for m in modes], [[NONE] * (1 + len(modes))])
    c = result["ceilings"]
    cells = [rate(c["flops_per_second"][m]) + "FLOP/s" if m in c["flops_per_second"] else NONE for m in modes]
    return table(["copies"] + [f"products in {m}" for m in modes], [[rate(c["bytes_per_second"]) + "B/s"] + cells])


def steps(result, modes):
    rows = []
    for m in modes:
        found = rows_of(result, kind="step", precision=m)
        if not found:
            rows.append(["DCGAN 64x64x3, batch 128", m] + [NONE] * 4)
        for r in found:
            t = r["warm_us"]
            rows.append([r["what"], m, f"{t['median'] / 1e3:.2f} ({t['p20'] / 1e3:.2f} to {t['p80'] / 1e3:.2f})", f"{r['images_per_second']:.0f}",
                         f"{r['launches']:.0f}", f"{r['peak_bytes'] / 2**20:.0f} MiB"])
    return table(["training step", "mode", "ms (p20 to p80)", "images/s", "launches", "peak memory of tensors"], rows)


def layers(result, names, modes):
    """Three shares a cell, in the order of PASSES, and the ratio to the vendor's best plan behind them where there is one."""
    def cell(name, mode):
        found = {r["pass"]: r for r in rows_of(result, kind="layer", precision=mode, id=name[0])}
        if not found:
            return NONE
        text = ", ".join(f"{100 * share(found[p]):.0f}" if p in found else "-" for p in PASSES) + " %"
        if any("vendor" in r for r in found.values()):
            text += "; " + ", ".join(f"{found[p]['vendor']['ratio']:.2f}" if "vendor" in found.get(p, {}) else "-" for p in PASSES)
        return text
    return table(["layer"] + modes, [[f"{n[0]} {n[1].replace('*', chr(92) + '*')}"] + [cell(n, m) for m in modes] for n in names])


def streams(result, names):
    rows = []
    for name in names:
        found = rows_of(result, kind="stream", id=name)
        cells = [f"{r['bytes'] / r['cold_us']['median'] / 1e3:.0f} GB/s, {100 * share(r):.0f} %" for r in found]
        rows.append([name] + (cells or [NONE, NONE]))
    sizes = [r["what"] for r in rows_of(result, kind="stream", id=names[0])] or ["524288x64", "131072x64"]
    return table(["kernel"] + sizes, rows)


def targets(result):
    """What the kernels were built to reach, on an H200."""
    def best(mode, ids):
        found = [r["flops"] / r["warm_us"]["median"] / 1e6 for i in ids for r in rows_of(result, kind="layer", precision=mode, id=i)]
        return f"{max(found):.0f} TFLOP/s" if found else NONE
    # Each is our speed over that of the vendor's best plan, in one cell: a layer's pass.
    cells = {m: [(1 / r["vendor"]["ratio"], r) for r in rows_of(result, kind="layer", precision=m) if "vendor" in r] for m in MODES}

    def speed(found):
        if not found:
            return NONE
        least, worst = min(found, key=lambda cell: cell[0])
        weighted = sum(r["vendor"]["us"]["median"] for _, r in found) / sum(r["warm_us"]["median"] for _, r in found)
        return f"{mean([s for s, _ in found]):.2f}, {weighted:.2f}, {least:.2f} ({worst['id']}, {worst['pass']}), {len(found)} cells"
    flat = [share(r) for r in rows_of(result, kind="stream", what="524288x64") if not r["id"].startswith("copy")]
    colour = [r["vendor"]["ratio"] for i in ("S01", "S10", "S11", "S17", "S23", "S29") for r in rows_of(result, kind="layer", id=i) if "vendor" in r]
    return table(["target on an H200", "measured"], [
        *[[f"all layers in {m} against cuDNN's best plan, 1.00 in the geometric mean of speeds, 0.90 weighted by time, 0.70 in the worst cell", speed(cells[m])] for m in MODES],
        ["fp32 without tensor cores, 30 TFLOP/s on S26 and S27", best("fp32", ("S26", "S27"))],
        ["bf16, 300 TFLOP/s on S26 and S27", best("bf16", ("S26", "S27"))],
        ["layers with 3 channels ahead of cuDNN: geometric mean of time over its best plan, below 1", f"{mean(colour):.2f}" if colour else NONE],
        ["norms and element-wise kernels, 90 % of the copy bandwidth: the slowest", f"{100 * min(flat):.0f} %" if flat else NONE]])


def pytorch(results):
    found = {r["variant"]: r for r in results or []}
    rows = [[v] + ([f"{found[v]['ms_weft']:.2f} ms ({found[v]['precision_weft']})", f"{found[v]['ms_torch']:.2f} ms",
                    f"{found[v]['ratio']:.2f} ({found[v]['ratio_low']:.2f} to {found[v]['ratio_high']:.2f})"] if v in found else [NONE] * 3)
            for v in VARIANTS["cuda"]]
    return table(["PyTorch's or JAX's way", "weft", "theirs", "weft / theirs"], rows)


def blocks(found):
    processors = {n: r for n, r in found["bench"].items() if r["device"] == "cpu"}
    gpus = {n: r for n, r in found["bench"].items() if r["device"] == "cuda"} or {"nvidia-h200": None}
    known = next(iter(found["bench"].values()))      # the list of rows is the program's own
    names = sorted({(r["id"], r["what"]) for r in known["rows"] if r["kind"] == "layer"})
    kernels = list(dict.fromkeys(r["id"] for r in known["rows"] if r["kind"] == "stream"))
    gpu, cpu = [], []
    for name, r in gpus.items():
        first = found["first-minute"].get(name)
        checked = NONE
        if first:
            tried, left = (sum(c[key] for c in first["checks"]) for key in ("cases", "not_reached"))
            checked = f"{tried} cases, {len(first['wrong'])} complaints" + (f", {left} not reached" if left else "") + f", {first['date'][:10]}"
        gpu += [f"### {r['name'] if r else 'NVIDIA H200'}", about(r) if r else "", f"The first minute (`bench/first_gpu_minute`): {checked}.", targets(r), ceilings(r, MODES),
                steps(r, MODES), pytorch(found["pytorch"].get(name)), layers(r, names, MODES), streams(r, kernels)]
    for name, r in processors.items():
        cpu += [f"### {r['name']}", about(r), ceilings(r, ["fp32"]), steps(r, ["fp32"]), layers(r, names, ["fp32"]), streams(r, kernels)]
    return {"gpu": "\n\n".join(t for t in gpu if t), "cpu": "\n\n".join(cpu)}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--results", default=os.path.join(ROOT, "bench/results"))
    p.add_argument("--docs", default=os.path.join(ROOT, "docs/performance.md"))
    p.add_argument("--check", action="store_true")
    p.add_argument("--page")
    args = p.parse_args()
    found = load(args.results)
    if not found["bench"]:
        sys.exit(f"{args.results} has no results; `weft bench` makes some")
    if args.page:
        content = json.dumps(list(found["bench"].values())).replace("<", "\\u003c")
        template = open(os.path.join(ROOT, "bench/page.html"), encoding="utf-8").read()
        open(args.page, "w", encoding="utf-8").write(template.replace("/*RESULTS*/[]", content))
        return 0
    text = before = open(args.docs, encoding="utf-8").read()
    for name, block in blocks(found).items():
        text, count = re.subn(rf"(<!-- results: {name} -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}\n{block}\n\n{m[2]}", text, flags=re.S)
        if count != 1:
            sys.exit(f"{args.docs} has no place <!-- results: {name} --> ... <!-- end -->, or several")
    if args.check:
        return int(text != before)
    open(args.docs, "w", encoding="utf-8").write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
