#!/usr/bin/env bash
# Garments as posters, the poster chosen by name: one network learns two manners of printing, and a condition says which.
#   docs/cases/poster-style.sh [GARMENT [POSTERS [GARMENTS]]]
# POSTERS is a folder with a folder a style, GARMENTS one of pictures to learn on. Without them weft draws garments, and prints
# posters of others in three flat inks.
# WEFT: the program [build/weft]; OUT: where results go [runs/cases/poster-style]; SIZE: longer side of the results [512];
# STEPS: of training [1000: two minutes of two cores]. A run that was cut goes on; other STEPS or pictures want another OUT.
set -eu
weft=${WEFT:-$(dirname "$0")/../../build/weft} out=${OUT:-runs/cases/poster-style} size=${SIZE:-512}
mkdir -p "$out"

posters=$out/posters
if [ $# -ge 2 ]; then
  posters=$2
elif [ ! -d "$posters" ]; then                   # dark garments, by light alone, then in three flat inks, the last of which is the paper: most of a poster
  mkdir -p "$out/drawn"
  for seed in 20 21 28 30 31 34 35 37 38 42 43 52 57 58 60 61 62 68; do
    "$weft" generate garments --seed $seed --count 1 --size 192 --out "$out/drawn/$seed.png" >/dev/null
  done
  "$weft" recolor --image "$out/drawn" --black-and-white --contrast 2.5 --out "$out/grey" >/dev/null
  for inks in constructivist:'#d1203c,#1d2a5e,#fbf1dc' riviera:'#f0973a,#12606f,#fff0cf'; do
    name=${inks%%:*} inks=${inks#*:}
    "$weft" recolor --image "$out/grey" --palette "$inks,${inks##*,}" --out "$out/drawn-$name" >/dev/null
    "$weft" recolor --image "$out/drawn-$name" --palette "$inks" --colors 3 --out "$posters/$name" >/dev/null
  done
fi
# With more contrast the ground is white to its edges, and takes no ink.
contrast() { "$weft" recolor --image "$1" --contrast 1.7 --out "$2" >/dev/null; }
garment=$out/garment.png
if [ $# -ge 1 ]; then garment=$1; else "$weft" generate garments --seed 22 --count 1 --size "$size" --out "$garment"; fi
contrast "$garment" "$out/contrast.png"
garments=${3:-$out/plain}
if [ $# -lt 3 ]; then "$weft" generate garments --seed 900 --count 300 --size 96 --out "$garments" >/dev/null; fi
contrast "$garments" "$out/garments"

"$weft" train restyle --data "$out/garments" --styles "$posters" --out "$out/run" --resume --size 96 --width 16 --batch 4 --steps "${STEPS:-1000}" \
  --samples-every 200 --set train.style_batch=12 --set model.blocks=2 --set model.upsampling=bilinear --set loss.content=5
results=() all=()
for style in "$posters"/*/; do
  style=$(basename "$style")
  "$weft" translate "$out/run" --input "$out/contrast.png" --size "$size" --style "$style" --out "$out/$style.png"
  results+=("$out/$style.png") all+=(--style "$style")
done
"$weft" translate "$out/run" --input "$out/contrast.png" --size "$size" "${all[@]}" --out "$out/mix.png"
echo "
before: $garment
after, by style: ${results[*]}; in equal parts: $out/mix.png
how good it is: $out/run/report.html has the distance to the styles and the structure kept, on pictures never trained on"
