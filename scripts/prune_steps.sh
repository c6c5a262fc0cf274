#!/usr/bin/env bash
# What run_prune_gpu.sh runs, one after another: prune_steps.sh RUN CONFIG CKPT DEVICE_ID [train.py's arguments]
[ -n "${BASH_VERSION:-}" ] || { echo "error: run it with bash: bash $0" >&2; exit 2; }
set -euo pipefail
cd "$(dirname "$0")/.."
RUN="$1" CONFIG="$2" CKPT="$3" DEVICE_ID="$4"
shift 4
COMMON=(--config "$CONFIG" --device_id "$DEVICE_ID")
read -ra PRUNE <<<"${PRUNE_ARGS:-}"
"$PYTHON" -u prune.py "${COMMON[@]}" --ckpt_path "$CKPT" --output_path "$RUN/pruned" "${PRUNE[@]}"
STUDENT=(--teacher "$CKPT")
if grep -q '"network": "mmnet"' "$RUN/pruned/report.json"; then
    echo "the pruned network learns without a teacher: distillation is for MODNets"
    STUDENT=()
elif [[ " ${PRUNE[*]} $* " == *" --norm"* || " ${PRUNE[*]} " == *" --compatible "* ]] || grep -q "^norm:" "$CONFIG"; then
    echo "the pruned network keeps the norms that were asked for"
else
    echo "the pruned network is retrained with batch norms, which cost nothing once deployed; --norm ib keeps its IBNorms"
    STUDENT+=(--norm batch)
fi
"$PYTHON" -u train.py "${COMMON[@]}" --ckpt_path "$RUN/pruned/pruned.ckpt" "${STUDENT[@]}" --output_path "$RUN/output" "$@"
BEST=("$RUN"/output/ckpt/*_best.ckpt) # named after the network
"$PYTHON" -u eval.py "${COMMON[@]}" --model "$CKPT" "$RUN/pruned/pruned.ckpt" "${BEST[@]}" --output_path "$RUN/eval"
"$PYTHON" -u scripts/prune_table.py "$RUN/eval/comparison.json" --output "$RUN/table"
