#!/bin/sh
# Runs epidemic.py for every pair of two parameters, and collects what comes of it in one table.
#   ./sweep.sh [TABLE]
set -eu
gridlike=${GRIDLIKE:-gridlike} table=$(realpath "${1:-epidemics.csv}")
cd "$(dirname "$0")"

# Two lists of arguments make all pairs; -k keeps their order. What a command prints is what map prints.
{
  echo contacts,days,ever_sick,worst_day,sick_on_worst_day
  "$gridlike" map -k 'python3 epidemic.py {1} {2}' ::: 0.08 0.12 0.2 0.3 0.4 ::: 4 7 10 14
} >"$table"

echo "$(($(wc -l <"$table") - 1)) towns in $table. The worst:"
sort -t , -k 3 -n -r "$table" | head -n 3
