#!/bin/sh
# Looks for a motif in many compressed DNA sequences: for each the count, its share of G and C, and the sum of all.
#   ./search.sh FOLDER [MOTIF] [COUNT]
# A folder without sequences first gets some, drawn by chance.
set -eu
gridlike=${GRIDLIKE:-gridlike} motif=${2:-TATA} count=${3:-24}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:?name a folder}" && cd "$1"
cp "$here/motif.awk" "$here/draw.awk" . # What lies in the folder travels to the workers.

if ! ls ./*.fa.gz >/dev/null 2>&1; then
  seq "$count" | "$gridlike" map 'awk -v seed={} -f draw.awk | gzip >sequence-{}.fa.gz'
fi

# A motif may lie across two lines, so the program puts them together again.
"$gridlike" map -k --tag "zcat {} | awk -v motif=$motif -f motif.awk" ::: *.fa.gz >counts.tsv

awk -v motif="$motif" '{ found += $2; bases += $3; gc += $4 }
  END { printf "%d times %s in %d bases of %d sequences, %.1f %% of them G or C\n", found, motif, bases, NR, 100 * gc / bases }' counts.tsv
