#!/usr/bin/env bash
# Freeze a checkpoint to one self-contained file, OUT/<checkpoint's name>.onnx (OUT: offline_infer/), weights and softmax
# inside, output `output`. The name is the one MMNet's users know; the frozen graph (.pb) and the vendor compiler's file
# (.om) are replaced by ONNX and, with --file_format OPENVINO, by OpenVINO IR, which run on any CPU.
# --with_preprocess makes the input uint8 RGB [N, H, W, 3], --input_shape 1,3,256,256 makes it fixed; see export.py.
source "$(dirname "$0")/common.sh"
[ $# -ge 1 ] || {
    echo "Usage: bash scripts/$(basename "$0") CKPT [OUT] [export.py's options]" >&2
    echo "for example: bash scripts/$(basename "$0") output/mmnet/ckpt/MMNet_best.ckpt exported --with_preprocess" >&2
    exit 2
}
CKPT="$1" OUT="$ROOT/offline_infer"
shift
require_file "$CKPT" checkpoint
case "${1:---}" in -*) ;; *) OUT="$1" && shift ;; esac
exec "$PYTHON" -u "$ROOT/export.py" --ckpt_path "$CKPT" --output_path "$OUT" "$@"
