# Servers of a test in the background; sourced with `dir` set to the folder of their logs and pid files.

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# free_ports N: that many different ports that nobody listens on now.
free_ports() {
    python3 - "$1" <<'PYTHON'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*[server.getsockname()[1] for server in held])
PYTHON
}

# launch NAME COMMAND...: starts it.
launch() {
    server=$1
    shift
    "$@" >"$dir/$server.log" 2>&1 </dev/null &
    echo $! >"$dir/$server.pid"
}

# wait_http NAME URL: waits up to 30 s for an answer 200.
wait_http() {
    tries=0
    until curl -fs -o "$dir/answer" "$2"; do
        running "$(cat "$dir/$1.pid")" || fail "$1 ended: $(tail -n 3 "$dir/$1.log")"
        tries=$((tries + 1))
        [ $tries -lt 600 ] || fail "$1 does not answer at $2"
        sleep 0.05
    done
}

# wait_port NAME PORT: waits up to 30 s until somebody listens there.
wait_port() {
    tries=0
    until python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()' "$2" 2>/dev/null; do
        running "$(cat "$dir/$1.pid")" || fail "$1 ended: $(tail -n 3 "$dir/$1.log")"
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "$1 does not listen on port $2"
        sleep 0.1
    done
}

# running PID: a process that has ended but was not reaped (a zombie) does not run.
running() {
    case $(ps -o stat= -p "$1") in '' | Z*) return 1 ;; esac
}

# stop_servers: ends what the pid files name.
stop_servers() {
    for file in "$dir"/*.pid; do
        [ ! -e "$file" ] || stop_server "$file"
    done
}

# stop_server FILE: ends the one that this pid file names, and waits up to 5 s for that.
stop_server() {
    pid=$(cat "$1")
    kill "$pid" 2>/dev/null || true
    tries=0
    while running "$pid" && [ $tries -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    rm -f "$1"
}
