#!/usr/bin/env bash
# A painting becomes a print: a repeat without seams, then a dress made of it.
#   docs/cases/oil-painting-print.sh [PAINTING [GARMENT [MASK]]]
# Without a painting weft paints one; without a garment it draws a dress. The mask is white where the garment is; a garment of
# yours without one takes the print all over.
# WEFT: the program [build/weft]; OUT: where results go [runs/cases/oil-painting-print]; SIZE: longer side in pixels [512].
set -eu
weft=${WEFT:-$(dirname "$0")/../../build/weft} out=${OUT:-runs/cases/oil-painting-print} size=${SIZE:-512}
mkdir -p "$out"

if [ $# -ge 1 ]; then
  painting=$1
else                                             # rings of a dotted cloth, in the strokes of a striped one, in a painter's blues
  painting=$out/painting.png side=$((size * 3 / 4))
  "$weft" generate swatches --seed 4 --count 1 --size $side --out "$out/rings.png"
  "$weft" generate swatches --seed 50 --count 1 --size $side --out "$out/stripes.png"
  "$weft" recolor --image "$out/stripes.png" --palette '#0b1e4b,#1f4e9c,#5b93cf,#a9cfe8,#f2c84b,#fbf2cf' --method sliced --out "$out/strokes.png"
  "$weft" transfer --content "$out/rings.png" --style "$out/strokes.png" --brush 0.5 --structure 0.3 --out "$painting"
fi
mask=() share=0.5                               # without a mask the garment has to show through the cloth
if [ $# -ge 2 ]; then
  garment=$2
  if [ $# -ge 3 ]; then mask=(--mask "$3") share=1; fi
else
  garment=$out/garment.png mask=(--mask "$out/mask.png") share=1
  "$weft" generate garments --seed 7 --count 1 --size "$size" --out "$garment"
  "$weft" generate garment-masks --seed 7 --count 1 --size "$size" --out "$out/mask.png"
fi

"$weft" tile --swatch "$painting" --layout brick --repeat 2 --preview "$out/cloth.png" --out "$out/repeat.png"
"$weft" transfer --content "$garment" --style "$out/cloth.png" --blend "$out/cloth.png:$share" ${mask[@]+"${mask[@]}"} --keep shading --structure 1 \
  --size "$size" --out "$out/print.png" --report "$out/report.html"
echo "
before: $garment
the painting: $painting, as a repeat for the printer: $out/repeat.png
after: $out/print.png
how good it is: $out/report.html, and $out/report.json"
