#!/usr/bin/env bash
# Data-parallel training on Ascend devices, as run_distributed_train_gpu.sh starts it. Checked, not run: docs/devices.md.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 3 ] || usage \
    "bash scripts/run_distributed_train_ascend.sh CONFIG_PATH DEVICE_NUM DEVICES [train.py's arguments]" \
    "bash scripts/run_distributed_train_ascend.sh P3M.yml 8 0,1,2,3,4,5,6,7"
exec bash "$ROOT/scripts/run_distributed_train_gpu.sh" "$1" "$2" "$3" --device_target Ascend "${@:4}"
