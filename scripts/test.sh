#!/usr/bin/env bash
# Set up .venv with what the tests need, then lint and test. Further arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh --dev
.venv/bin/ruff check .
.venv/bin/ruff format --check .
# A worker that dies ends the run: a new one in its place can leave the runner waiting for ever.
.venv/bin/python -m pytest -n "${TEST_WORKERS:-2}" --dist loadfile --max-worker-restart 0 "$@"
