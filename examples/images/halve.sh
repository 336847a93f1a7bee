#!/bin/sh
# Halves all pictures of a folder with ImageMagick, and lays the small ones out on one sheet.
#   ./halve.sh FOLDER [COUNT]
# A folder without pictures first gets some, made by ImageMagick as well.
set -eu
gridlike=${GRIDLIKE:-gridlike} count=${2:-12}
mkdir -p "${1:?name a folder}" && cd "$1"

if ! ls ./*.jpg >/dev/null 2>&1; then
  seq "$count" | "$gridlike" map 'convert -size 640x480 -seed {} plasma:fractal picture-{}.jpg'
fi

# Each command stands for itself: on a grid it runs in a folder that holds its picture and nothing else.
"$gridlike" map 'mkdir -p small && convert {} -resize 50% small/{/.}.png' ::: *.jpg

montage small/*.png -geometry 120x90+6+6 -background white sheet.png
echo "$(ls small | wc -l | tr -d ' ') pictures halved, all of them on $1/sheet.png"
