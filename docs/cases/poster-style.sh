#!/usr/bin/env bash
# Garments as posters, the poster chosen by name: one network learns two manners of printing, and a condition says which.
#   docs/cases/poster-style.sh [GARMENT [POSTERS [GARMENTS]]]
# POSTERS is a folder with a folder a style, GARMENTS one of pictures to learn on. Without them weft draws garments, and prints
# posters of others in three flat inks.
# WEFT: the program [build/weft]; OUT: where results go [runs/cases/poster-style]; SIZE: longer side of the results [512];
# STEPS: of training [800: two or three minutes of one core]. A run that was cut goes on; other STEPS want another OUT.
set -eu
weft=${WEFT:-$(dirname "$0")/../../build/weft} out=${OUT:-runs/cases/poster-style} size=${SIZE:-512}
mkdir -p "$out"

posters=$out/posters
if [ $# -ge 2 ]; then
  posters=$2
elif [ ! -d "$posters" ]; then                   # by light alone, then in three flat inks, the last of which is the paper: most of a poster
  "$weft" generate garments --seed 300 --count 20 --size 128 --out "$out/drawn" >/dev/null
  "$weft" recolor --image "$out/drawn" --black-and-white --contrast 1.5 --out "$out/grey" >/dev/null
  for inks in constructivist:'#d1203c,#1d2a5e,#fbf1dc' riviera:'#f0973a,#12606f,#fff0cf'; do
    name=${inks%%:*} inks=${inks#*:}
    "$weft" recolor --image "$out/grey" --palette "$inks,${inks##*,}" --out "$out/drawn-$name" >/dev/null
    "$weft" recolor --image "$out/drawn-$name" --palette "$inks" --colors 3 --out "$posters/$name" >/dev/null
  done
fi
garment=$out/garment.png
if [ $# -ge 1 ]; then garment=$1; else "$weft" generate garments --seed 22 --count 1 --size "$size" --out "$garment"; fi

"$weft" train restyle --data "${3:-garments}" --styles "$posters" --out "$out/run" --resume --size 64 --width 16 --batch 4 --steps "${STEPS:-800}" \
  --samples-every 150 --set train.style_batch=12 --set model.blocks=2
results=() all=()
for style in "$posters"/*/; do
  style=$(basename "$style")
  "$weft" translate "$out/run" --input "$garment" --size "$size" --style "$style" --out "$out/$style.png"
  results+=("$out/$style.png") all+=(--style "$style")
done
"$weft" translate "$out/run" --input "$garment" --size "$size" "${all[@]}" --out "$out/mix.png"
echo "
before: $garment
after, by style: ${results[*]}; in equal parts: $out/mix.png
how good it is: $out/run/report.html has the distance to the styles and the structure kept, on pictures never trained on"
