#!/usr/bin/env bash
# Score a checkpoint of scripts/train_mmnet.sh: the newest of TRAIN_DIR, or --checkpoint_path FILE. Mattes and scores go
# to runs/, `eval` points to the newest.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 1 ] || usage "bash scripts/validate_mmnet.sh DATASET TRAIN_DIR [options; --help lists them]" \
    "bash scripts/validate_mmnet.sh data/CCP output/mmnet --checkpoint_path output/mmnet/ckpt/MMNet_best.ckpt"
WRITTEN="$(mktemp)"
trap 'rm -f "$WRITTEN"' EXIT
program mmnet validate --write "$WRITTEN" "$@"
[ -s "$WRITTEN" ] || exit 0 # --help
new_run eval
cp "$WRITTEN" "$RUN/config.yml"
rm -f "$WRITTEN"
launch "$RUN/eval.log" "MSE" "$PYTHON" -u eval.py --config "$RUN/config.yml" --output_path "$RUN/output"
