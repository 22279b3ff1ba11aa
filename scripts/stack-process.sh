# shellcheck shell=bash disable=SC2154 # local_dir comes from lib.sh
# Processes of a stack: starting, watching and ending them by their id, never by a name. Sourced by
# scripts/stack. SPDX-License-Identifier: Apache-2.0

# The start time of a process in ticks since boot; nothing when there is none, or a zombie whose
# threads have all ended, which holds no port and no file any more.
start_time() {
    local stat pid=$1
    local -a threads
    stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
    stat=${stat##*) } # behind the name, which may contain anything
    # shellcheck disable=SC2086 # fields
    set -- $stat
    threads=("/proc/$pid/task"/*)
    case $1 in Z | X) [ ${#threads[@]} -gt 1 ] || return 1 ;; esac
    echo "${20}"
}

# is_alive NAME: the process that we started, not one that got its id later.
is_alive() {
    local pid began
    pid=$(cat "$local_dir/run/$1.pid" 2>/dev/null) || return 1
    began=$(start_time "$pid") || return 1
    [ "$began" = "$(cat "$local_dir/run/$1.began" 2>/dev/null)" ]
}

# is_stale NAME: it runs, but its program was built anew since.
is_stale() {
    is_alive "$1" && [[ $(readlink "/proc/$(cat "$local_dir/run/$1.pid")/exe") == *' (deleted)' ]]
}

forget() { rm -f "$local_dir/run/$1.pid" "$local_dir/run/$1.began"; }

# spawn NAME COMMAND…: in the background and in a session of its own, so that a Ctrl-C here does not
# reach it; output to its log, no lock inherited.
spawn() {
    local name=$1 fd
    shift
    mkdir -p "$local_dir/run" "$local_dir/log"
    (
        for fd in "${locks[@]}"; do exec {fd}>&-; done
        exec setsid "$@"
    ) >>"$local_dir/log/$name.log" 2>&1 </dev/null &
    local pid=$!
    start_time "$pid" >"$local_dir/run/$name.began" || true
    # Last, and whole at once: others read it.
    echo "$pid" >"$local_dir/run/$name.pid.new"
    mv "$local_dir/run/$name.pid.new" "$local_dir/run/$name.pid"
    disown
}

# end_process NAME SIGNAL SECONDS: waits until it is gone; after that time with -9.
end_process() {
    local name=$1 signal=$2 patience=$3 pid i
    pid=$(cat "$local_dir/run/$name.pid")
    kill -s "$signal" "$pid" 2>/dev/null || true
    kill -s CONT "$pid" 2>/dev/null || true # a frozen one would not see it
    for ((i = 0; i < patience * 20; i++)); do
        is_alive "$name" || { forget "$name"; return; }
        sleep 0.05
    done
    say "$name does not end after $patience s: kill -9"
    kill -s KILL "$pid" 2>/dev/null || true
    for ((i = 0; i < 600; i++)); do
        is_alive "$name" || { forget "$name"; return; }
        sleep 0.05
    done
    die "process $pid ($name) cannot be ended"
}

memory_mb() { awk '/^VmRSS:/ { printf "%d", $2 / 1024 }' "/proc/$1/status" 2>/dev/null || true; }

# The inode of the socket that listens on a TCP port of this machine; nothing when none does.
listener_inode() {
    local hex
    printf -v hex '%04X' "$1"
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }'
}

port_is_free() { [ -z "$(listener_inode "$1")" ]; }

# holds PID INODE: whether the process has the socket open.
holds() { find "/proc/$1/fd" -maxdepth 1 -lname "socket:\[$2\]" -print -quit 2>/dev/null | grep -q .; }

# listens PID PORT: it is this process that listens there, and not a stranger.
listens() {
    local inode
    inode=$(listener_inode "$2")
    [ -n "$inode" ] && holds "$1" "$inode"
}

port_owner() {
    local inode pid
    inode=$(listener_inode "$1")
    for pid in /proc/[0-9]*; do
        pid=${pid#/proc/}
        holds "$pid" "$inode" || continue
        echo "process $pid ($(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-60))"
        return
    done
    echo "a process that is hidden from here (of another user, or in a container)"
}

# wait_ready NAME: until ready_NAME holds; fails when the process ends or time runs out.
wait_ready() {
    local name=$1 pid i
    pid=$(cat "$local_dir/run/$name.pid")
    for ((i = 0; i < 600; i++)); do
        "ready_$name" "$pid" 2>/dev/null && return
        if ! is_alive "$name"; then
            say "$name ended; the end of its log:"
            tail -n 15 "$local_dir/log/$name.log" >&2
            forget "$name"
            return 1
        fi
        sleep 0.1
    done
    say "$name is not ready after a minute; the end of its log:"
    tail -n 15 "$local_dir/log/$name.log" >&2
    return 1
}
