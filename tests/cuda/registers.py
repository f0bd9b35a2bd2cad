#!/usr/bin/env python3
"""What each kernel takes of a GPU, as the compiler left it, against the file kept for that toolkit.

  registers.py BUILD            compares with registers-TOOLKIT.txt beside this file
  registers.py BUILD --accept   writes that file

One line a kernel and architecture: registers a thread; stack, which is local memory, in bytes a thread; shared memory in bytes
a block. A stack means spilled registers or arrays indexed at run time; both go through memory. Exit code 77, skipped, where
there is no cuobjdump or no file for this toolkit: other compilers count differently.
"""
import difflib
import glob
import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77


def find_cuobjdump(build):
    beside_nvcc = [os.path.join(os.path.dirname(os.path.realpath(nvcc)), "cuobjdump") for nvcc in glob.glob("/usr/local/cuda*/bin/nvcc")]
    from_pypi = glob.glob(os.path.join(build, "tools", "nvidia", "*", "bin", "cuobjdump"))
    return next((tool for tool in [shutil.which("cuobjdump"), *beside_nvcc, *from_pypi] if tool and os.access(tool, os.X_OK)), None)


def resources(cuobjdump, objects):
    """{(arch, mangled name): (registers, stack, shared)}"""
    found = {}
    for path in objects:
        arch = name = None
        for line in subprocess.run([cuobjdump, "--dump-resource-usage", path], check=True, capture_output=True, text=True).stdout.splitlines():
            if match := re.match(r"arch = (\w+)", line):
                arch = match[1]
            elif match := re.match(r" Function (\w+):", line):
                name = match[1]
            elif name and (match := re.match(r" +REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)", line)):
                found[arch, name] = int(match[1]), int(match[2]) + int(match[4]), int(match[3])
                name = None
    return found


def report(found):
    mangled = sorted({name for _, name in found})
    plain = subprocess.run(["c++filt", "-p"], input="\n".join(mangled), check=True, capture_output=True, text=True).stdout.splitlines()
    short = {m: re.sub(r"weft::(cuda::)?|\(anonymous namespace\)::|_GLOBAL__N__\w+::", "", p).replace(" >", ">") for m, p in zip(mangled, plain)}
    lines = [f"{arch:7} {registers:3} {stack:4} {shared:6}  {short[name]}" for (arch, name), (registers, stack, shared) in found.items()]
    return ["arch   registers, stack and shared bytes, kernel"] + sorted(lines, key=lambda line: (line.split("  ")[-1], line))


def main(build, accept=None):
    with open(os.path.join(build, "tests", "cuda", "objects.txt")) as file:          # from CMake: the toolkit, then the objects
        version, *objects = file.read().split("\n")
    kept = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"registers-{version}.txt")
    cuobjdump = find_cuobjdump(build)
    if not cuobjdump or not shutil.which("c++filt"):
        print("skipped: cuobjdump (CUDA toolkit, or nvidia-cuda-cuobjdump on PyPI) and c++filt (binutils) are needed")
        return SKIPPED
    now = report(resources(cuobjdump, objects))
    if accept:
        with open(kept, "w") as file:
            file.write("\n".join(now) + "\n")
        print(f"wrote {kept}: {len(now) - 1} kernels")
        return 0
    if not os.path.exists(kept):
        print(f"skipped: there is no {kept}; --accept writes it")
        return SKIPPED
    built = {line.split()[0] for line in now[1:]}
    with open(kept) as file:
        before = [line.rstrip("\n") for line in file]
    before = before[:1] + [line for line in before[1:] if line.split()[0] in built]     # of the architectures in this build
    if now == before:
        print(f"{len(now) - 1} kernels as they were")
        return 0
    print("\n".join(difflib.unified_diff(before, now, "accepted", "now", lineterm="", n=0)))
    print(f"\nIf that is meant: python3 {os.path.relpath(__file__)} {os.path.relpath(build)} --accept")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
