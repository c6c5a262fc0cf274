#!/usr/bin/env bash
# The main job on generated portraits, from nothing: set up, generate, train, evaluate. Needs no data and no GPU.
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

cat <<END

Done in $((SECONDS - ready)) s (set-up before that: $((ready - began)) s). Look at:
  scores            eval/eval.log, eval/output/eval.json
  mattes            eval/output/*.png
  pictures          train/output/sheets/ (input, truth, matte, composite), train/output/loss.png
  checkpoint        train/output/ckpt/MODNet_best.ckpt
  your own data     data/README.md, then: bash scripts/run_standalone_train_gpu.sh P3M.yml 0
END
