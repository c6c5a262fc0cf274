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
.venv/bin/mypy
# A worker that dies ends the run: a new one in its place can leave the runner waiting for ever.
.venv/bin/python -m pytest -n "${TEST_WORKERS:-2}" --dist loadfile --max-worker-restart 0 "${SELECTED[@]}" "$@"
