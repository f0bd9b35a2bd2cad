#!/usr/bin/env bash
# fuzz.sh BUILD SECONDS: each fuzz target of BUILD for SECONDS, two at a time, from the corpus that is checked in. What it finds
# on the way stays in BUILD/corpus and is taken up by the next run. A crash is shown with its input in base64.
set -uo pipefail
build=$(cd "$1" && pwd) seconds=$2
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

attack() {
  local build=$1 seconds=$2 target=$3 name corpus log
  name=${target##*/fuzz_}
  corpus=corpus/${name%_plain}                       # the same files for every reader of a format
  log=$build/fuzz_$name.log
  mkdir -p "$build/corpus/$name" "$corpus"
  rm -f "$build/found-$name-"*
  if "$target" -max_total_time="$seconds" -rss_limit_mb=8000 -timeout=60 -print_final_stats=1 \
       -artifact_prefix="$build/found-$name-" "$build/corpus/$name" "$corpus" >"$log" 2>&1; then
    awk -v name="$name" -v seconds="$seconds" '
      /number_of_executed_units/ { runs = $2 }
      / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
      END { printf "fuzz_%-14s passed: %d executions in %d s, %d edges covered\n", name, runs, seconds, cov }' "$log"
    return
  fi
  printf 'fuzz_%s FAILED; the end of %s:\n' "$name" "$log"
  tail -n 60 "$log"
  for found in "$build/found-$name-"*; do
    [ -f "$found" ] || continue
    printf '\nReproduce: base64 -d >input, then %s input\n' "$target"
    base64 "$found"
  done
  return 1
}
export -f attack

targets=()
for target in "$build"/fuzz_*; do if [ -x "$target" ] && [ -f "$target" ]; then targets+=("$target"); fi; done
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c \
  'attack "$1" "$2" "$3" && touch "$4/$(basename "$3").passed"; true' _ "$build" "$seconds" {} "$results"
passed=$(find "$results" -name '*.passed' | wc -l)
printf '\n%d passed, %d failed\n' "$passed" $((${#targets[@]} - passed))
[ "$passed" -eq ${#targets[@]} ] && [ "$passed" -gt 0 ]
