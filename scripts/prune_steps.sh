#!/usr/bin/env bash
# What run_prune_gpu.sh runs, one after another: prune_steps.sh RUN CONFIG CKPT DEVICE_ID [train.py's arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
RUN="$1" CONFIG="$2" CKPT="$3" DEVICE_ID="$4"
shift 4
COMMON=(--config "$CONFIG" --device_id "$DEVICE_ID")
read -ra PRUNE <<<"${PRUNE_ARGS:-}"
"$PYTHON" -u prune.py "${COMMON[@]}" --ckpt_path "$CKPT" --output_path "$RUN/pruned" "${PRUNE[@]}"
"$PYTHON" -u train.py "${COMMON[@]}" --ckpt_path "$RUN/pruned/pruned.ckpt" --teacher "$CKPT" \
    --output_path "$RUN/output" "$@"
BEST="$RUN/output/ckpt/MODNet_best.ckpt"
"$PYTHON" -u eval.py "${COMMON[@]}" --model "$CKPT" "$RUN/pruned/pruned.ckpt" "$BEST" --output_path "$RUN/eval"
"$PYTHON" -u scripts/prune_table.py "$RUN/eval/comparison.json" --output "$RUN/table"
