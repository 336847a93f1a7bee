#!/bin/sh
# A GridLike worker in shell: claims jobs, runs a command on each payload, sends the result or the failure.
#   GRIDLIKE_URL=http://closet:7171 GRIDLIKE_WORKER_TOKEN=glw_… ./worker.sh wc -c
# GRIDLIKE_TYPE names the type to work for. GRIDLIKE_LEASE_S is longer than any job takes (3600).
# GRIDLIKE_ONCE=1 ends when no job is left. Ctrl-C gives the running job back.
set -u
: "${GRIDLIKE_URL:?}" "${GRIDLIKE_WORKER_TOKEN:?}" "${1:?name the command to run}"
work="${GRIDLIKE_URL%/}/api/work" name="$(uname -n)-$$" count=0 over=
wait=30 && [ -z "${GRIDLIKE_ONCE:-}" ] || wait=0
asked="wait_s=$wait&lease_s=${GRIDLIKE_LEASE_S:-3600}"
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && trap 'over=1' INT TERM || exit 1

# Headers lie in files, where other users of this machine cannot read the tokens.
curl() { command curl -sS --retry 8 --retry-all-errors "$@"; }
header() { grep -i "^gridlike-$1:" "$dir/head" | tail -n 1 | cut -d ' ' -f 2 | tr -d '\r'; }
logs() { tail -c 20000 "$dir/errors" | tr -cd '\12\40-\176' | sed 's/[\\"]/\\&/g' | awk '{ printf "%s\\n", $0 }'; }
printf 'X-API-KEY: %s\nGridlike-Worker: %s\n' "$GRIDLIKE_WORKER_TOKEN" "$name" >"$dir/me"

while [ -z "$over" ]; do
  count=$((count + 1)) # A claim that curl repeats bears the same word and gets the same job.
  code=$(curl -X POST -H "@$dir/me" -H "Gridlike-Claim: $name-$count" -D "$dir/head" -o "$dir/payload" \
    -w '%{http_code}' "$work${GRIDLIKE_TYPE:+/$GRIDLIKE_TYPE}/claim?$asked") || code=000
  if [ "$code" = 204 ] && [ -n "${GRIDLIKE_ONCE:-}" ]; then exit 0; fi
  if [ "$code" = 204 ]; then continue; fi
  if [ "$code" != 200 ]; then cat "$dir/payload" >&2; sleep 5; continue; fi
  attempt="$work/$(header job)/$(header attempt)"
  printf 'Gridlike-Attempt-Token: %s\n' "$(header attempt-token)" >"$dir/token"
  "$@" <"$dir/payload" >"$dir/result" 2>"$dir/errors" && status=0 || status=$?
  if [ "$status" = 0 ]; then
    curl -H "@$dir/token" -T "$dir/result" "$attempt/result"
  elif [ -n "$over" ]; then
    curl -H "@$dir/token" -X POST "$attempt/release"
  else
    curl -H "@$dir/token" -d "{\"exit_code\":$status,\"logs\":\"$(logs)\"}" "$attempt/fail"
  fi
  echo
done
