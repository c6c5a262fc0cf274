#!/usr/bin/env bash
# Train on one Ascend device, as run_standalone_train_gpu.sh does on whatever there is. Checked, not run: docs/devices.md.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || usage "bash scripts/run_standalone_train_ascend.sh CONFIG_PATH DEVICE_ID [train.py's arguments]" \
    "bash scripts/run_standalone_train_ascend.sh P3M.yml 0 --epoch_size 10"
exec bash "$ROOT/scripts/run_standalone_train_gpu.sh" "$1" "$2" --device_target Ascend "${@:3}"
