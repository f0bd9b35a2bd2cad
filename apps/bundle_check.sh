#!/usr/bin/env bash
# Runs every test of this bundle; ends with "N passed, N failed".
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
export WEFT_TESTS=$PWD/tests WEFT_PROGRAM=$PWD/bin/weft WEFT_WITHOUT_ONNX_DATA=1 GOMP_SPINCOUNT=${GOMP_SPINCOUNT-1000}
for program in bin/tests_*; do
  "$program" 2>&1 | sed "s|^\[doctest\] test cases|$program: &|"
  [ "${PIPESTATUS[0]}" -eq 0 ] || echo "$program ended with an error"
done | awk '
  { print }
  / test cases: / { split($0, part, "|"); passed += part[2] + 0; failed += part[3] + 0 }
  / ended with an error$/ { wrong = 1 }
  END { if (wrong && !failed) failed = 1
        printf "\n%d passed, %d failed\n", passed, failed
        exit failed > 0 }'
