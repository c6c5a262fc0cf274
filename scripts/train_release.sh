#!/usr/bin/env bash
# The released networks from nothing: src/release/recipe.py is the list of the steps. Started again, it goes on.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || usage "bash scripts/train_release.sh CLOTHING_CO_PARSING DIR [train.py's arguments]" \
    "bash scripts/train_release.sh clothing-co-parsing output/release-training"
SOURCE="$(realpath -m "$1")" DIR="$(realpath -m "$2")"
cd "$ROOT" && exec "$PYTHON" -m src.programs train-release "$SOURCE" "$DIR" "${@:3}"
