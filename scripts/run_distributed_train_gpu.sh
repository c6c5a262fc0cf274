#!/usr/bin/env bash
# Data-parallel training by msrun: one process a device, on GPUs, Ascend cards or (--device_target CPU) CPU processes.
# Several machines: the same command on each, with MASTER_ADDR (and MASTER_PORT), NNODES and NODE_RANK set.
[ -n "${BASH_VERSION:-}" ] || { echo "error: run it with bash: bash $0" >&2; exit 2; }
source "$(dirname "$0")/common.sh"
[ $# -ge 3 ] || usage "bash scripts/run_distributed_train_gpu.sh CONFIG_PATH DEVICE_NUM DEVICES [train.py's arguments]" \
    "bash scripts/run_distributed_train_gpu.sh P3M.yml 8 0,1,2,3,4,5,6,7"
CONFIG="$(realpath -m "$1")" DEVICE_NUM="$2" DEVICES="$3"
shift 3
require_file "$CONFIG" configuration
case "$DEVICE_NUM" in "" | *[!0-9]* | 0) echo "error: DEVICE_NUM must be a number above 0, got '$DEVICE_NUM'" >&2; exit 2 ;; esac
[ "$(tr ',' '\n' <<<"$DEVICES" | grep -c .)" = "$DEVICE_NUM" ] || {
    echo "error: DEVICES must name $DEVICE_NUM devices with commas between them, got '$DEVICES'" >&2
    exit 2
}
NNODES="${NNODES:-1}" NODE_RANK="${NODE_RANK:-0}"
resolve_paths "$@"
new_run train_parallel
export CUDA_VISIBLE_DEVICES="$DEVICES" ASCEND_RT_VISIBLE_DEVICES="$DEVICES"
BIN="$(dirname "$(command -v "$PYTHON")")"
export PATH="$BIN:$PATH" # msrun starts its workers as plain `python`
mkdir -p "$RUN/log"
FIRST=$((NODE_RANK * DEVICE_NUM)) # msrun numbers the workers over all machines
ln -s "log/worker_$FIRST.log" "$RUN/train.log"
launch "$RUN/msrun.log" "steps an epoch" \
    "$BIN/msrun" --worker_num=$((DEVICE_NUM * NNODES)) --local_worker_num="$DEVICE_NUM" --node_rank="$NODE_RANK" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${MASTER_PORT:-8118}" --log_dir="$RUN/log" --join=True \
    train.py --distribute True --config "$CONFIG" --output_path "$RUN/output" "${RESOLVED[@]}"
