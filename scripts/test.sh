#!/usr/bin/env bash
# Set up .venv with what the tests need, then lint, check the types and test: `test.sh` for everything, `test.sh --fast`
# without the tests that are marked slow. Further arguments go to pytest.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -euo pipefail
cd "$(dirname "$0")/.."
SELECTED=()
if [ "${1:-}" = --fast ]; then
    SELECTED=(-m "not slow")
    shift
fi
bash scripts/setup.sh --dev
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy & # beside the tests, which wait for processes now and then
TYPES=$!
# A worker that dies ends the run: a new one in its place can leave the runner waiting for ever.
.venv/bin/python -m pytest -n "${TEST_WORKERS:-3}" --dist loadfile --no-loadscope-reorder --max-worker-restart 0 \
    "${SELECTED[@]}" "$@" || STATUS=$?
wait "$TYPES" || { echo "error: mypy found mistakes, see above" >&2; exit 1; }
exit "${STATUS:-0}"
