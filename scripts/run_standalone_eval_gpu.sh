#!/usr/bin/env bash
# Score a checkpoint on one device. The run goes to runs/, `eval` points to the newest; mattes are in its output/.
source "$(dirname "$0")/common.sh"
[ $# -ge 3 ] || usage "bash scripts/run_standalone_eval_gpu.sh CONFIG_PATH CKPT_PATH DEVICE_ID [eval.py's arguments]" \
    "bash scripts/run_standalone_eval_gpu.sh P3M.yml train/output/ckpt/MODNet_best.ckpt 0"
CONFIG="$(realpath -m "$1")" CKPT="$(realpath -m "$2")" DEVICE_ID="$3"
shift 3
require_file "$CONFIG" configuration
require_file "$CKPT" checkpoint
new_run eval
launch "$RUN/eval.log" "MSE" \
    "$PYTHON" -u eval.py --config "$CONFIG" --ckpt_path "$CKPT" --device_id "$DEVICE_ID" --output_path "$RUN/output" "$@"
