# Functions shared by the run scripts; source it, do not run it.
set -euo pipefail
set +o posix # `sh` may be bash, which then knows no >(...)

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PYTHON="${PYTHON:-$([ -x "$ROOT/.venv/bin/python" ] && echo "$ROOT/.venv/bin/python" || echo python3)}"
START_WAIT="${START_WAIT:-90}" # seconds a background run is watched for a failing start

usage() { # usage TEXT EXAMPLE
    echo "Usage: $1" >&2
    echo "for example: $2" >&2
    echo "FOREGROUND=1 in the environment keeps it in the foreground; further arguments go to the Python program." >&2
    exit 2
}

require_file() { # require_file PATH WHAT
    [ -f "$1" ] || { echo "error: no $2 at $1" >&2; exit 2; }
}

program() { # program VERB ARGS...: a program of the repository, started where the user stands
    PYTHONPATH="$ROOT" "$PYTHON" -m src.programs "$@"
}

absolute() { # absolute MODEL[@PRECISION]: a path made absolute; a released model's name or file, a plain word, as it is
    if [[ "$1" == */* || -e "$1" || -e "${1%@*}" || ("$1" == *.ckpt && ! -e "$ROOT/pretrained/$1") ]]; then
        realpath -m "$1"
    else
        echo "$1"
    fi
}

checkpoint() { # checkpoint PATH_OR_NAME: its absolute path; a released model's name means its .ckpt file
    local released="$ROOT/pretrained/${1%.ckpt}.ckpt"
    if [[ "$1" != */* && ! -e "$1" && -f "$released" ]]; then echo "$released"; else realpath -m "$1"; fi
}

# Make the paths behind --resume, --ckpt_path and --teacher absolute: the programs run in the repository, and `train`
# will point to the new run by then.
resolve_paths() { # resolve_paths ARGS... -> array RESOLVED
    RESOLVED=()
    local previous="" argument
    for argument in "$@"; do
        case "$argument" in
        --resume=*) argument="--resume=$(realpath -m "${argument#*=}")" ;;
        --ckpt_path=* | --teacher=*) argument="${argument%%=*}=$(absolute "${argument#*=}")" ;;
        esac
        case "$previous" in
        --resume) argument="$(realpath -m "$argument")" ;;
        --ckpt_path | --teacher) argument="$(absolute "$argument")" ;;
        esac
        RESOLVED+=("$argument")
        previous="$argument"
    done
}

# A new folder under runs/. Earlier runs stay; the link LINK at the top level moves when the run has started.
new_run() { # new_run LINK -> RUN
    local base="$ROOT/runs/$1-$(date +%Y%m%d-%H%M%S)"
    LINK="$ROOT/$1"
    mkdir -p "$ROOT/runs"
    RUN="$base"
    local number=2
    until mkdir "$RUN" 2>/dev/null; do
        [ -d "$RUN" ] || { echo "error: cannot make the folder $RUN" >&2; exit 2; }
        RUN="$base-$number"
        number=$((number + 1))
    done
    if [ -e "$LINK" ] && [ ! -L "$LINK" ]; then
        echo "note: $LINK is a folder of its own and stays; this run is in $RUN" >&2
        LINK=""
    fi
}

has_started() { # has_started LOG STARTED: whether the run has said so; then the link points to it
    grep -qs "$2" "$1" || return 1
    [ -z "$LINK" ] || ln -sfn "$RUN" "$LINK"
}

runs() { # runs PID: whether the process has not ended, be it that nobody has asked yet how it did
    local state
    read -r state 2>/dev/null <"/proc/$1/stat" && [[ "${state##*) }" != [ZX]* ]]
}

# Run a command with its output in LOG and watch it until it says STARTED; in the foreground (FOREGROUND=1) follow it
# to its end. Signals to this script are passed on to it.
launch() { # launch LOG STARTED COMMAND...
    local log="$1" started="$2" pid follower=""
    shift 2
    cd "$ROOT"
    : >"$log"
    set -m # a group of its own: Ctrl-C at the terminal is not for it, but SIGINT is not ignored either
    nohup "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    set +m
    trap 'kill -INT "$pid" 2>/dev/null || true' INT
    trap 'kill -TERM "$pid" 2>/dev/null || true' TERM HUP
    if [ "${FOREGROUND:-0}" = 1 ]; then
        (trap '' INT TERM HUP && exec tail -n +1 -f -s 0.2 --pid="$pid" "$log") &
        follower=$!
        until_started "$pid" "$log" "$started"
        until_ended "$pid"
        wait "$follower" || true
        end "$log" "$started"
        exit "$STATUS"
    fi
    echo "PID $pid, log $log"
    until_started "$pid" "$log" "$started" "$START_WAIT"
    if ! runs "$pid"; then
        until_ended "$pid"
        end "$log" "$started"
        [ "$STATUS" = 0 ] && { tail -n 1 "$log"; exit 0; }
        echo "error: it stopped with status $STATUS; the end of $log:" >&2
        tail -n 15 "$log" >&2
        exit "$STATUS"
    fi
    has_started "$log" "$started" && { echo "started; watch it with: tail -f $log"; exit 0; }
    echo "still starting after $START_WAIT s; watch it with: tail -f $log"
    trap - INT TERM HUP
    (trap '' INT TERM HUP && until_started "$pid" "$log" "$started" && end "$log" "$started") >/dev/null 2>&1 </dev/null &
}

until_started() { # until_started PID LOG STARTED [SECONDS]: until it has started or ended, or the time is over
    local until=$((SECONDS + ${4:-1000000000}))
    until has_started "$2" "$3" || ! runs "$1" || [ "$SECONDS" -ge "$until" ]; do
        sleep 0.3 || true
    done
}

until_ended() { # until_ended PID -> STATUS; a signal interrupts `wait`, which then has its own status
    STATUS=0
    while runs "$1"; do wait "$1" || true; done
    wait "$1" || STATUS=$?
}

end() { # end LOG STARTED: of a run that has ended; one that never started leaves no empty folders
    has_started "$1" "$2" || find "$RUN" -type d -empty -delete
}
