#!/usr/bin/env bash
# Try malformed inputs on all programs, and print a table: `faults.sh 100 --seed 7`. See docs/faults.md.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
cd "$ROOT"
PYTHONPATH="$ROOT" exec "$PYTHON" -m tests.support.faults "$@"
