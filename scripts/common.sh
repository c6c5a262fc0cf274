# Functions shared by the run scripts; source it, do not run it.
set -euo pipefail

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

# A new folder under runs/, and a link LINK at the top level that points to it. Earlier runs stay.
new_run() { # new_run LINK -> RUN
    local base="$ROOT/runs/$1-$(date +%Y%m%d-%H%M%S)"
    mkdir -p "$ROOT/runs"
    RUN="$base"
    local number=2
    until mkdir "$RUN" 2>/dev/null; do
        [ -d "$RUN" ] || { echo "error: cannot make the folder $RUN" >&2; exit 2; }
        RUN="$base-$number"
        number=$((number + 1))
    done
    if [ -e "$ROOT/$1" ] && [ ! -L "$ROOT/$1" ]; then
        echo "note: $ROOT/$1 is a folder of its own and stays; this run is in $RUN" >&2
    else
        ln -sfn "$RUN" "$ROOT/$1"
    fi
}

# Run a command with its output in LOG: in the foreground, or in the background, watched until it says STARTED.
launch() { # launch LOG STARTED COMMAND...
    local log="$1" started="$2"
    shift 2
    cd "$ROOT"
    if [ "${FOREGROUND:-0}" = 1 ]; then
        local status=0
        "$@" 2>&1 | tee "$log" || status=${PIPESTATUS[0]}
        exit "$status"
    fi
    nohup "$@" >"$log" 2>&1 </dev/null &
    local pid=$!
    echo "PID $pid, log $log"
    for ((i = 0; i < START_WAIT * 2; i++)); do
        if ! kill -0 "$pid" 2>/dev/null; then
            local status=0
            wait "$pid" || status=$?
            [ "$status" = 0 ] && { tail -n 1 "$log"; exit 0; }
            echo "error: it stopped with status $status; the end of $log:" >&2
            tail -n 15 "$log" >&2
            exit "$status"
        fi
        grep -qs "$started" "$log" && { echo "started; watch it with: tail -f $log"; exit 0; }
        sleep 0.5
    done
    echo "still starting after $START_WAIT s; watch it with: tail -f $log"
}
