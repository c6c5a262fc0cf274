#!/usr/bin/env bash
# Write the images and masks of a test split as raw .bin files with a manifest, to offline_infer/Bin/test/: inputs as the
# model of --model takes them, else MMNet's, float32 NHWC.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 1 ] || {
    echo "Usage: bash scripts/run_datapre.sh DATASET [--model FILE] [--output_path DIR] [--config YML]" >&2
    echo "for example: bash scripts/run_datapre.sh data/CCP" >&2
    exit 2
}
exec "$PYTHON" -u "$ROOT/offline_infer/prepare.py" "$@"
