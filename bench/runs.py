"""Runs of the program, seen from outside, for scripts that may be stopped and started as often as one likes: what is there is not made again."""
import json
import os
import resource
import subprocess


def cpu_seconds(command, **how):
    """Runs `command` to its end, and says what processor time it took, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
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


def kept(path, make):
    """What is in the JSON file, or else what make() returns, which is in it from then on."""
    if not os.path.exists(path):
        return keep(path, make())
    with open(path) as file:
        return json.load(file)


def train(args, words, run, seed, steps):
    """Trains up to so many steps, from where the run is. Returns how many it has made, and the processor time of all of its trainings that came to their end."""
    path = run + ".cpu"
    before = kept(path, lambda: {"steps": 0, "seconds": 0.0})
    if before["steps"] >= steps:
        return before
    seconds = cpu_seconds([args.weft, "train", *words, "--samples-every", "0", "--out", run, "--seed", str(seed), "--steps", str(steps), "--threads", str(args.threads), "--resume"])
    return keep(path, {"steps": steps, "seconds": before["seconds"] + seconds})


def evaluate(args, what, words, path):
    """The report of `weft evaluate --json --brief`, kept in the file."""
    return kept(path, lambda: json.loads(subprocess.run([args.weft, "evaluate", what, *words, "--threads", str(args.threads), "--brief", "--json"], check=True,
                                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout))


def figure(report, name, key="value"):
    """NaN for one that is not there."""
    value = next((f[key] for f in report["figures"] if f["name"] == name), None)
    return float("nan") if value is None else value
