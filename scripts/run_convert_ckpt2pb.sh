#!/usr/bin/env bash
# Freeze a checkpoint to one self-contained file, OUT/<checkpoint's name>_nhwc.onnx (OUT: offline_infer/), weights and
# softmax inside, input [N, H, W, 3] as the bins of run_datapre.sh have it, output `output`. The name is the one MMNet's
# users know; the frozen graph (.pb) and the vendor compiler's file (.om) are replaced by ONNX and, with --file_format
# OPENVINO, by OpenVINO IR, which run on any CPU. --layout NCHW makes the input [N, 3, H, W], --with_preprocess uint8 RGB
# [N, H, W, 3], --input_shape 1,3,256,256 fixes its sides; see export.py.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/common.sh"
[ $# -ge 1 ] || {
    echo "Usage: bash scripts/$(basename "$0") [DATASET] CKPT [OUT] [export.py's options]" >&2
    echo "for example: bash scripts/$(basename "$0") output/mmnet/ckpt/MMNet_best.ckpt exported --with_preprocess" >&2
    echo "CKPT: a checkpoint, with or without .ckpt, or a released model's name; DATASET is not needed." >&2
    exit 2
}
[ -d "$1" ] && [ $# -ge 2 ] && shift # DATASET CKPT, as MMNet's users call it
CKPT="$1" OUT="$ROOT/offline_infer"
shift
[ -f "$CKPT.ckpt" ] && CKPT="$CKPT.ckpt"
case "${1:---}" in -*) ;; *) OUT="$1" && shift ;; esac
exec "$PYTHON" -u "$ROOT/export.py" --ckpt_path "$CKPT" --output_path "$OUT" --layout NHWC "$@"
