#!/usr/bin/env python3
"""How soon the studio answers a moved dial: looks at 128 pixels over a grid of settings, as the page asks for them.

    python3 bench/studio_looks.py build/weft [--threads 2]

Milliseconds from the request to the picture, over the loopback, and the share of the steps that fitted into the time. The machine should be idle.
"""
import argparse, os, shutil, statistics, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/studio"))
from studio import Studio

parser = argparse.ArgumentParser()
parser.add_argument("weft")
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
folder = tempfile.mkdtemp(prefix="weft looks ")
try:
    studio = Studio(os.path.abspath(options.weft), folder + "/out", folder + "/runs", threads=options.threads)
    draw = lambda set, index: studio.job("draw", {"set": set, "index": index})["result"]["id"]
    content, styles = draw("garments", 7), [draw("swatches", 38), draw("swatches", 14)]
    taken, efforts = [], []
    for structure in (0, .5, 1):
        for strength in (.25, .5, 1):
            for brush in (.5, 1, 2):
                for mix in (1, 2):
                    asked = {"content": content, "styles": [{"id": id} for id in styles[:mix]], "structure": structure, "strength": strength, "brush": brush, "size": 512}
                    start = time.time()
                    id = studio.call("POST", "/api/jobs", {"kind": "look", "asked": asked})["id"]
                    told = studio.call("GET", f"/api/jobs/{id}?wait=5000")
                    studio.call("GET", f"/api/jobs/{id}/picture")
                    taken.append(1000 * (time.time() - start)), efforts.append(told["result"]["effort"])
    taken.sort()
    print(f"{len(taken)} looks, {options.threads} threads: median {statistics.median(taken):.0f} ms, 95 % within {taken[int(.95 * len(taken))]:.0f} ms, slowest {taken[-1]:.0f} ms; "
          f"steps done: median {statistics.median(efforts):.0%}, least {min(efforts):.0%}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    studio.close()
finally:
    shutil.rmtree(folder, ignore_errors=True)
