#!/usr/bin/env bash
# Score a model, as eval.py --model takes it, on one device. The run goes to runs/, `eval` points to the newest; mattes
# are in its output/.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 3 ] || usage "bash scripts/run_standalone_eval_gpu.sh CONFIG_PATH MODEL DEVICE_ID [eval.py's arguments]" \
    "bash scripts/run_standalone_eval_gpu.sh P3M.yml train/output/ckpt/MODNet_best.ckpt 0"
CONFIG="$(realpath -m "$1")" MODEL="$(absolute "$2")" DEVICE_ID="$3"
shift 3
require_file "$CONFIG" configuration
[[ "$MODEL" != /* || -f "$MODEL" ]] || require_file "${MODEL%@*}" model # eval.py knows the names
new_run eval
launch "$RUN/eval.log" "MSE" \
    "$PYTHON" -u eval.py --config "$CONFIG" --model "$MODEL" --device_id "$DEVICE_ID" --output_path "$RUN/output" "$@"
