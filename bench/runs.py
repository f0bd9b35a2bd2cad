"""Runs of the program, seen from outside, for scripts that may be stopped and started as often as one likes: what is there is not made again."""
import json
import os
import resource
import subprocess
import sys


def output(command, **how):
    """What `command` writes to stdout. If it fails, the script ends with what it wrote to stderr."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def cpu_seconds(command, **how):
    """Runs `command` to its end, and says what processor time it took, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output(command, **how)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def folder(args, name, seed):
    return os.path.join(args.out, name.replace(", ", "-").replace(" ", "-") + f"-{seed}")


def keep(path, value):
    """Writes a JSON file that is whole, or as it was."""
    with open(path + ".part", "w") as out:
        json.dump(value, out)
    os.replace(path + ".part", path)
    return value


def kept(path, words, make):
    """What is in the JSON file, or else what make() returns, which is in it from then on. What was made by other words ends the script."""
    if not os.path.exists(path):
        return keep(path, {"words": words, **make()})
    with open(path) as file:
        value = json.load(file)
    if value.get("words") != words:
        sys.exit(f"{path} was made by {value.get('words', 'settings that it does not name')}, and not by {words}: take another --out, or remove that run")
    return value


def train(args, words, run, seed, steps, exactly=True):
    """Trains up to so many steps, from where the run is. Returns how many it has made, and the processor time of all of its trainings that came to their end."""
    path = run + ".cpu"
    before = kept(path, words, lambda: {"steps": 0, "seconds": 0.0})
    if before["steps"] > steps and exactly:
        sys.exit(f"{run} has {before['steps']} steps already, and {steps} are asked for: take another --out, or remove that run")
    if before["steps"] >= steps:
        return before
    seconds = cpu_seconds([args.weft, "train", *words, "--samples-every", "0", "--out", run, "--seed", str(seed), "--steps", str(steps), "--threads", str(args.threads), "--resume"])
    return keep(path, {**before, "steps": steps, "seconds": before["seconds"] + seconds})


def evaluate(args, what, words, path):
    """The report of `weft evaluate --json --brief`, kept in the file."""
    return kept(path, words, lambda: json.loads(output([args.weft, "evaluate", what, *words, "--threads", str(args.threads), "--brief", "--json"])))


def figure(report, name, key="value"):
    """NaN for one that is not there."""
    value = next((f[key] for f in report["figures"] if f["name"] == name), None)
    return float("nan") if value is None else value
