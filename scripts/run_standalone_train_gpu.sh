#!/usr/bin/env bash
# Train on one device (GPU, Ascend or CPU: whatever there is). The run goes to runs/, `train` points to the newest.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || usage "bash scripts/run_standalone_train_gpu.sh CONFIG_PATH DEVICE_ID [train.py's arguments]" \
    "bash scripts/run_standalone_train_gpu.sh P3M.yml 0 --epoch_size 10"
CONFIG="$(realpath -m "$1")" DEVICE_ID="$2"
shift 2
require_file "$CONFIG" configuration
resolve_paths "$@"
new_run train
launch "$RUN/train.log" "first step done" \
    "$PYTHON" -u train.py --config "$CONFIG" --device_id "$DEVICE_ID" --output_path "$RUN/output" "${RESOLVED[@]}"
