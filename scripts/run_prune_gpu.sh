#!/usr/bin/env bash
# Prune a checkpoint, retrain what is left, score both, and put them into a table. A MODNet learns with the dense
# network as its teacher, and with batch norms, unless the configuration, PRUNE_ARGS or the arguments name a norm.
# The run goes to runs/, `prune` points to the newest. PRUNE_ARGS in the environment goes to prune.py, for example
# PRUNE_ARGS="--strategy budget --importance taylor --target macs=2.5G".
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 3 ] || usage "bash scripts/run_prune_gpu.sh CONFIG_PATH CKPT_PATH DEVICE_ID [train.py's arguments]" \
    "bash scripts/run_prune_gpu.sh P3M.yml train/output/ckpt/MODNet_best.ckpt 0 --lr 0.001 --epoch_size 20"
CONFIG="$(realpath -m "$1")" CKPT="$(checkpoint "$2")" DEVICE_ID="$3"
shift 3
require_file "$CONFIG" configuration
require_file "$CKPT" checkpoint
resolve_paths "$@"
new_run prune
launch "$RUN/prune.log" "first step done" \
    "$PYTHON" -u -m src.programs prune-and-retrain --prune_args="${PRUNE_ARGS:-}" \
    "$RUN" "$CONFIG" "$CKPT" "$DEVICE_ID" "${RESOLVED[@]}"
