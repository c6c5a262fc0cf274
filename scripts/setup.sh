#!/usr/bin/env bash
# Make .venv from the pinned requirements: `setup.sh` for running, `setup.sh --dev` for the tests as well.
# A second run finds nothing to do; a run that was broken off is completed by the next one.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -euo pipefail
cd "$(dirname "$0")/.."

FILES=(requirements.txt)
case "${1:-}" in
    "") ;;
    --dev) FILES+=(requirements-dev.txt) ;;
    *) echo "Usage: bash scripts/setup.sh [--dev]" >&2; exit 2 ;;
esac

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3 python; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: Python 3.11 is needed (MindSpore's wheels and the pinned packages are for it); found here:" \
        "$(python3 --version 2>&1 || echo none). Install Python 3.11, or name it: PYTHON=/path/to/python3.11 bash scripts/setup.sh" >&2
    exit 2
}

install_into_venv() { # install_into_venv FILE
    # A stamp with the file's checksum says that all of it is installed; it is written last.
    local stamp=".venv/.installed-$1" sum
    sum="$(sha256sum "$1" | cut -d' ' -f1)"
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
    echo "installing $1 into .venv: some minutes the first time"
    if ! .venv/bin/python -m pip install --disable-pip-version-check --quiet -r "$1"; then
        echo "error: pip could not install $1 (its message is above). Without a network, point pip to a local" \
            "index (PIP_INDEX_URL) or wheel folder (PIP_FIND_LINKS); then run this again: it goes on where it stopped." >&2
        exit 1
    fi
    echo "$sum" >"$stamp"
}

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then # none yet, half made, or its Python has gone
    python="$(find_python)"
    "$python" -m venv --clear .venv || {
        echo "error: '$python -m venv .venv' failed. Install the venv module (Debian: apt install python3.11-venv)." >&2
        exit 1
    }
fi
for file in "${FILES[@]}"; do
    install_into_venv "$file"
done
.venv/bin/python -m src.backend.cpu_ops.build
