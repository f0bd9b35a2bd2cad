#!/usr/bin/env bash
# A garment as classic photography: in black and white with the tone curve and the grain of film; toned as a print of old times; and
# in the tones and the grain of a print that is at hand.
#   docs/cases/classic-photography.sh [PHOTO [OLD_PRINT]]
# Without a photo weft draws a garment; without an old print it develops one of another garment.
# WEFT: the program [build/weft]; OUT: where results go [runs/cases/classic-photography]; SIZE: longer side in pixels [512].
set -eu
weft=${WEFT:-$(dirname "$0")/../../build/weft} out=${OUT:-runs/cases/classic-photography} size=${SIZE:-512}
mkdir -p "$out"

if [ $# -ge 1 ]; then
  photo=$1
else
  photo=$out/photo.png
  "$weft" generate garments --seed 22 --count 1 --size "$size" --out "$photo"
fi
if [ $# -ge 2 ]; then
  old=$2
else                                             # sepia is black and white in the colours of a toning bath
  old=$out/old-print.png
  "$weft" generate garments --seed 27 --count 1 --size "$size" --out "$out/another.png"
  "$weft" recolor --image "$out/another.png" --black-and-white --contrast 1.2 --film 1 --seed 1 --out "$out/another-film.png"
  "$weft" recolor --image "$out/another-film.png" --palette '#2a1c12,#8f7553,#e2d0b0,#efe2c9,#f4ebd8' --out "$old"
fi

"$weft" recolor --image "$photo" --black-and-white --contrast 1.1 --film 0.7 --out "$out/film.png"
"$weft" recolor --image "$out/film.png" --palette '#2a1c12,#8f7553,#e2d0b0,#efe2c9,#f4ebd8' --out "$out/sepia.png"
"$weft" transfer --content "$out/film.png" --style "$old" --structure 1 --size "$size" --out "$out/after-the-print.png" --report "$out/report.html"
echo "
before: $photo
after: $out/film.png on film, $out/sepia.png toned, $out/after-the-print.png in the manner of $old
how good the last is, against the picture on film: $out/report.html, and $out/report.json"
