#!/usr/bin/env python3
"""Can the tests fail? Changes one line of a kernel, builds it, and expects a test program to turn red.

  mutants.py BUILD --changed        for ctest: two moved bounds, and each synchronisation line deleted of those files of
                                    kernels/cuda that differ from where this branch left main
  mutants.py BUILD --sync           each synchronisation line of every file deleted (bench/sync_mutants.sh)
  mutants.py BUILD [FILE...]        every change in these files of kernels/cuda, or in all; a table on stdout

Changes: each synchronisation line deleted (__syncthreads, __syncwarp, copy_async_commit, copy_async_wait); a sign flipped;
a bound moved by one. A change is caught by a wrong result (threads forward or in reverse), by the executor (a message and
an abort), or by the race checker. A header's change is tried in the files that include it, until one is caught. Exits 1 if
any is missed.
"""
import os, re, subprocess, sys

SOURCE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../kernels/cuda'))
CASES = {'norm': 'sim: moments*,sim: normal*', 'gather': 'sim: gather*,sim: scatter_add*', 'optimizer': 'sim: optimizer_step*', 'gemm': 'sim: matmul*'}
QUICK = ['reduce', 'norm', 'matmul']             # tried first of the files that include a header
SYNC = re.compile(r'__sync(threads|warp)\([^()]*\)|copy_async_(wait<[^;]*>|commit)\(\)')
# (file, the line): why its deletion changes nothing.
EQUIVALENT = {}
CHANGES = [('delete', SYNC, '((void)0)'), ('sign', re.compile(r' \+ (?=[\w(*&])'), ' - '), ('sign', re.compile(r' - (?=[\w(*&])'), ' + '),
           ('bound', re.compile(r' < '), ' <= '), ('bound', re.compile(r' >= '), ' > ')]
# What may change without a result changing, and why.
HARMLESS = re.compile(r'launch<|ceil_div|wanted|blocks_for|static_assert|constexpr|aligned16|kMany|fits_int|with_tile|grid\(|grid = |#pragma|workspace|shift\)'
                      r'|max\(int|column_blocks = |min\(ceil_div|while \(l\.|l\.part|for \(int axis|vector = ')
# (file, text, what stands there instead, in words)
FEW = [('max_pool.cu', 'h < min(h0 + g.window.h, g.h)', 'h < min(h0 + g.window.h - 1, g.h)', 'a window one row too low'),
       ('random.cu', 'if (four * 4 + i < n)', 'if (four * 4 + i <= n)', 'one number past the end')]


def including(name, seen=()):
    """The kernels whose files include this one, through other headers too; quick ones first."""
    if name.endswith('.cu'): return [name[:-3]]
    found = set()
    for other in sorted(os.listdir(SOURCE)):
        if other in seen or not other.endswith(('.cu', '.h')) or f'#include "{name}"' not in open(os.path.join(SOURCE, other)).read(): continue
        found.update(including(other, (*seen, name)))
    return sorted(found, key=lambda kernel: (QUICK.index(kernel) if kernel in QUICK else len(QUICK), kernel))


def changed_files():
    def git(*words): return run(['git', '-C', SOURCE, *words]).stdout.split()
    for main in ('main', 'origin/main'):
        base = git('merge-base', 'HEAD', main)
        if len(base) == 1 and len(base[0]) == 40: return [os.path.basename(n) for n in git('diff', '--name-only', base[0], '--', SOURCE)]
    return []


def run(command, **kw):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', timeout=240, **kw)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, 'timed out')


class Mutator:
    def __init__(self, build):
        self.build = build
        self.altered = os.path.join(build, 'tests/sim/altered')

    def write(self, name, text):
        path = os.path.join(self.altered, name)
        if not os.path.exists(path) or open(path).read() != text:
            open(path, 'w').write(text)

    def restore(self):
        os.makedirs(self.altered, exist_ok=True)
        for name in os.listdir(SOURCE):
            if name.endswith(('.cu', '.h')):
                self.write(name, open(os.path.join(SOURCE, name)).read())

    def program(self, kernel, checked):
        target = f'mutant_{kernel}{"_race" if checked else ""}'
        built = run(['cmake', '--build', self.build, '--target', target])
        return None if built.returncode else [os.path.join(self.build, target), '-tc=' + CASES.get(kernel, f'sim: {kernel},sim: {kernel} *'), '--abort-after=1']

    def verdict(self, kernel):
        """How the altered kernel was caught, or None."""
        program = self.program(kernel, False)
        if not program: return 'does not compile'
        for order in ('forward', 'reverse'):
            result = run(program, env=dict(os.environ, WEFT_SIM_ORDER=order))
            if result.returncode:
                return ('executor' if '[sim]' in result.stdout else 'killed' if result.returncode < 0 or result.returncode == 124 else 'wrong result') + f', {order}'
        program = self.program(kernel, True)
        result = run(program)
        if result.returncode: return 'race checker' if '[race]' in result.stdout else 'wrong result, race build'
        return None

    def judge(self, name, text):
        self.write(name, text)
        try:
            for kernel in including(name):
                how = self.verdict(kernel)
                if how: return f'{how} ({kernel})'
            return None
        finally:
            self.write(name, open(os.path.join(SOURCE, name)).read())


def few(mutator):
    missed = 0
    for name, old, new, what in FEW:
        text = open(os.path.join(SOURCE, name)).read()
        assert text.count(old) >= 1, f'{name} no longer holds {old!r}'
        how = mutator.judge(name, text.replace(old, new, 1))
        print(f'{name}: {what}: {how or "MISSED"}', flush=True)
        missed += how is None or how.startswith('does not compile')
    kernel = 'max_pool'                          # and the unaltered program is green, or all of the above says nothing
    if mutator.verdict(kernel) is not None: sys.exit('the unaltered kernel fails')
    return missed


def without_synchronisation(mutator, files):
    missed = 0
    for name in files:
        lines = open(os.path.join(SOURCE, name)).read().split('\n')
        for number, line in enumerate(lines):
            if not SYNC.search(line.split('//')[0]): continue
            reason = EQUIVALENT.get((name, line.strip()))
            how = f'nothing changes: {reason}' if reason else mutator.judge(name, '\n'.join(lines[:number] + [SYNC.sub('((void)0)', line)] + lines[number + 1:]))
            print(f'{name}:{number + 1}: {line.strip()}: {how or "MISSED"}', flush=True)
            missed += how is None or how.startswith('does not compile')
    return missed


def sweep(mutator, files):
    missed = 0
    for name in files:
        lines = open(os.path.join(SOURCE, name)).read().split('\n')
        for number, line in enumerate(lines):
            code = line.split('//')[0]
            for kind, pattern, replacement in CHANGES:
                for match in list(pattern.finditer(code))[:2]:
                    if kind != 'delete' and HARMLESS.search(code): continue
                    changed = code[:match.start()] + replacement + code[match.end():]
                    how = mutator.judge(name, '\n'.join(lines[:number] + [changed] + lines[number + 1:]))
                    if how and how.startswith('does not compile'): continue
                    print(f'| {name}:{number + 1} | {kind} | `{code.strip()[:90].replace("|", "/")}` | {how or "**missed**"} |', flush=True)
                    missed += how is None
    return missed


if __name__ == '__main__':
    build, *rest = sys.argv[1:]
    mutator = Mutator(build)
    mutator.restore()
    everything = sorted(n for n in os.listdir(SOURCE) if n.endswith(('.cu', '.h')) and n not in ('table.cu', 'backend.cu', 'ops.h'))
    if rest == ['--changed']: missed = few(mutator) + without_synchronisation(mutator, [n for n in changed_files() if n in everything])
    elif rest == ['--sync']: missed = without_synchronisation(mutator, everything)
    else: missed = sweep(mutator, rest or everything)
    sys.exit(bool(missed))
