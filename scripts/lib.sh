# shellcheck shell=bash disable=SC2034 # names are used by those who source it
# What the scripts share; sourced, never run. SPDX-License-Identifier: Apache-2.0

# What programs of this repository exit with: 1 a negative finding, 2 failure, 64 usage.
readonly EXIT_FAILURE=2 EXIT_USAGE=64

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Downloads, shared by all checkouts.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bxb-ingest
# What belongs to this stack: programs, data, logs.
local_dir=${BXB_LOCAL:-$root/.local}
case $local_dir in /*) ;; *) local_dir=$PWD/$local_dir ;; esac
readonly root cache local_dir

say() { printf '%s\n' "$*" >&2; }

# die TEXT [REMEDY]: the end, with what to do about it.
die() {
    say "${0##*/}: $1"
    [ $# -lt 2 ] || say "  what to do: $2"
    exit $EXIT_FAILURE
}

# usage_of FILE: the comment at the top of a script.
usage_of() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1" | grep -v '^SPDX'; }

# seconds_since EPOCHREALTIME-VALUE: one decimal.
seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'; }

# with_lock FILE COMMAND…: one at a time, over all processes. What stays running does not inherit the
# lock (spawn closes it). The command runs plainly, so that set -e holds in it.
with_lock() {
    local file=$1 fd
    shift
    mkdir -p "$(dirname "$file")"
    exec {fd}>>"$file"
    if ! flock -n "$fd"; then
        say "waiting for another run (lock ${file##*/})"
        flock "$fd"
    fi
    locks+=("$fd")
    "$@"
    unset 'locks[-1]'
    exec {fd}>&-
}
locks=()
