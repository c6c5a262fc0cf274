#!/usr/bin/env bash
# Train MMNet with the options that its users know; the checkpoints go to TRAIN_DIR, the log to runs/ (link `train`).
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 1 ] || usage "bash scripts/train_mmnet.sh DATASET TRAIN_DIR [options; --help lists them]" \
    "bash scripts/train_mmnet.sh data/CCP output/mmnet --batch_size 16 --max_epoch_from_restore 100"
resolve_paths "$@"
WRITTEN="$(mktemp)"
trap 'rm -f "$WRITTEN"' EXIT
program mmnet train --write "$WRITTEN" "${RESOLVED[@]}"
[ -s "$WRITTEN" ] || exit 0 # --help
new_run train
cp "$WRITTEN" "$RUN/config.yml"
rm -f "$WRITTEN"
launch "$RUN/train.log" "first step done" "$PYTHON" -u train.py --config "$RUN/config.yml"
