#!/bin/sh
# Deletes each synchronisation line of every kernel, one at a time, and expects the tests on device `sim` to turn red. Some
# minutes. Needs a build folder (default: build) that is configured; prints a line each, exits 1 if one is missed.
cd "$(dirname "$0")/.." && exec python3 tests/sim/mutants.py "${1:-build}" --sync
