#!/usr/bin/env bash
# Data-parallel training: one process a device, on GPUs, Ascend cards or (--device_target CPU) CPU processes.
# Several machines: the same command on each, with MASTER_ADDR (and MASTER_PORT), NNODES and NODE_RANK set.
# The processes are watched: when one ends, or a signal comes, all end; docs/distributed.md says more.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 3 ] || usage "bash scripts/run_distributed_train_gpu.sh CONFIG_PATH DEVICE_NUM DEVICES [train.py's arguments]" \
    "bash scripts/run_distributed_train_gpu.sh P3M.yml 8 0,1,2,3,4,5,6,7"
CONFIG="$(realpath -m "$1")" DEVICE_NUM="$2" DEVICES="$3"
shift 3
require_file "$CONFIG" configuration
resolve_paths "$@"
program launch --check "$DEVICE_NUM" "$DEVICES"
new_run train_parallel
launch "$RUN/train.log" "first step done" \
    "$PYTHON" -u -m src.programs launch --run "$RUN" "$DEVICE_NUM" "$DEVICES" \
    train.py --distribute True --config "$CONFIG" --output_path "$RUN/output" "${RESOLVED[@]}"
