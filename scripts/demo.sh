#!/usr/bin/env bash
# The whole way on generated portraits, from nothing: set up, generate, train, evaluate, prune and retrain, export,
# quantise, time, cut out. Needs no data and no GPU.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -euo pipefail
cd "$(dirname "$0")/.."
began=$SECONDS
bash scripts/setup.sh
ready=$SECONDS
PYTHON=.venv/bin/python

echo "== generating portraits with exact alpha"
$PYTHON data/make_synthetic.py --output data/synthetic --train 160 --validation 16 --size 256

echo "== training MODNet from scratch"
FOREGROUND=1 bash scripts/run_standalone_train_gpu.sh configs/synthetic.yml 0 "$@"

echo "== evaluating the best checkpoint"
FOREGROUND=1 bash scripts/run_standalone_eval_gpu.sh configs/synthetic.yml train/output/ckpt/MODNet_best.ckpt 0

echo "== pruning it, and retraining what is left with the dense network as its teacher"
FOREGROUND=1 PRUNE_ARGS="--strategy budget --target macs=2.5G" \
    bash scripts/run_prune_gpu.sh configs/synthetic.yml train/output/ckpt/MODNet_best.ckpt 0 --epoch_size 6

echo "== exporting both networks, the pruned one in 8 bits too, and timing them"
SHIPPED="prune/shipped"
$PYTHON export.py --ckpt_path train/output/ckpt/MODNet_best.ckpt --file_format OPENVINO --output_path "$SHIPPED/dense"
$PYTHON export.py --ckpt_path prune/output/ckpt/MODNet_best.ckpt --file_format OPENVINO --output_path "$SHIPPED"
$PYTHON quantize.py --model prune/output/ckpt/MODNet_best.ckpt --config configs/synthetic.yml --dtype int8 \
    --output_path "$SHIPPED"
MODELS=("$SHIPPED/dense/MODNet_best.xml" "$SHIPPED/MODNet_best.xml" "$SHIPPED/MODNet_best_int8.xml")
$PYTHON eval.py --config configs/synthetic.yml --model "${MODELS[@]}" --output_path "$SHIPPED/eval"
$PYTHON benchmark.py --models "${MODELS[@]}" --shape 512x512 --json "$SHIPPED/benchmark.json" \
    --picture "$SHIPPED/benchmark.png"

echo "== cutting portraits out, as a device without MindSpore does"
$PYTHON infer.py --model "$SHIPPED/MODNet_best_int8.xml" --input data/synthetic/validation/P3M-500-P/blurred_image \
    --output "$SHIPPED/cutouts" --background white

cat <<END

Done in $((SECONDS - ready)) s (set-up before that: $((ready - began)) s). Look at:
  scores            eval/eval.log, eval/output/eval.json
  mattes            eval/output/*.png
  images            train/output/sheets/ (input, truth, matte, composite), train/output/loss.png
  checkpoint        train/output/ckpt/MODNet_best.ckpt
  before and after  prune/table/table.md, prune/pruned/report.txt and report.png
  for a device      prune/shipped/MODNet_best_int8.xml and .bin, its cut-outs in prune/shipped/cutouts/
  how fast          prune/shipped/benchmark.png and .json; what 8 bits cost: prune/shipped/eval/comparison.json
  your own data     data/README.md, then: bash scripts/run_standalone_train_gpu.sh P3M.yml 0
END
