#!/usr/bin/env bash
# The released networks from nothing: data, all trainings and means, to DIR/dense.ckpt, student.ckpt and mmnet.ckpt.
# What is there already is not made again, and an interrupted training goes on: start it again with the same arguments.
[ -n "${BASH_VERSION:-}" ] || { echo "error: run it with bash: bash $0" >&2; exit 2; }
source "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || usage "bash scripts/train_release.sh CLOTHING_CO_PARSING DIR [train.py's arguments]" \
    "bash scripts/train_release.sh clothing-co-parsing output/release-training"
SOURCE="$(realpath -m "$1")" DIR="$(realpath -m "$2")"
if [ ! -d "$SOURCE" ]; then
    echo "error: no folder at $SOURCE. Get it by: git clone https://github.com/bearpaw/clothing-co-parsing" >&2
    exit 2
fi
EXTRA=("${@:3}")
BESIDE=(--teacher_runtime openvino@bf16) # the teacher runs beside the step, which takes a third less time
cd "$ROOT"
mkdir -p "$DIR"

train() { # train STEP CONFIG ARGS...: a training in DIR/STEP
    local out="$DIR/$1" config="configs/$2.yml" resume=()
    grep -qs "training finished" "$out/train.log" && return
    echo "== $1"
    compgen -G "$out/ckpt/*_last.ckpt" >/dev/null && resume=(--resume "$out")
    "$PYTHON" -u train.py --config "$config" --output_path "$out" "${@:3}" "${EXTRA[@]}" "${resume[@]}"
}

best() { # best STEP: its checkpoint of the lowest validation MSE
    ls "$DIR/$1"/ckpt/*_best.ckpt
}

keep() { # keep STEP NAME: that checkpoint as NAME.ckpt
    [ -e "$DIR/$2.ckpt" ] || put "$(best "$1")" "$2"
}

put() { # put FILE NAME: FILE as NAME.ckpt
    cp "$1" "$DIR/$2.part"
    mv "$DIR/$2.part" "$DIR/$2.ckpt"
}

mean() { # mean NAME STEP COUNT [START half|even]: of STEP's last COUNT epochs and START (half of it, or like the others)
    [ -e "$DIR/$1.ckpt" ] && return
    local inputs=() shares=()
    mapfile -t inputs < <(ls -v "$DIR/$2"/ckpt/MODNet-*_*.ckpt | tail -n "$3")
    [ "${5:-}" = half ] && shares=(--shares "${#inputs[@]}" "${inputs[@]/*/1}")
    [ $# -gt 3 ] && inputs=("$DIR/$4.ckpt" "${inputs[@]}")
    [ ${#inputs[@]} = 1 ] && put "${inputs[0]}" "$1" && return
    "$PYTHON" scripts/average.py --ckpt_path "${inputs[@]}" "${shares[@]}" --output "$DIR/$1.ckpt"
}

echo "== data and the encoder's ImageNet weights"
"$PYTHON" data/prepare_ccp.py --source "$SOURCE" --output data/CCP
"$PYTHON" data/make_backgrounds.py configs/CCP.yml --output data/CCP-backgrounds
"$PYTHON" data/make_synthetic.py --output data/portraits --train 240 --validation 2
[ -e pretrained/mindspore_efficientnet_lite0.ckpt ] || "$PYTHON" get_init_weight.py --input efficientnet_lite0

# The dense network: small windows, larger ones, then windows of a whole photograph's shape.
train dense_256 CCP
train dense_256_more release --ckpt_path "$(best dense_256)" --lr 0.0007 --epoch_size 26
train dense_448 release_448 --ckpt_path "$(best dense_256_more)" --epoch_size 4
keep dense_448 dense_0
train dense_448_more release_448 --ckpt_path "$DIR/dense_0.ckpt" --lr 0.0004 --epoch_size 7
mean dense_1 dense_448_more 5 dense_0 half
train dense_whole release_whole --ckpt_path "$DIR/dense_1.ckpt" --seed 7
mean dense_2 dense_whole 5 dense_1 half
train dense_whole_more release_whole --ckpt_path "$DIR/dense_2.ckpt" --lr 0.0003 --epoch_size 3 --seed 11
mean dense_3 dense_whole_more 1 dense_2 even
train dense_whole_last release_whole --ckpt_path "$DIR/dense_3.ckpt" --epoch_size 4 --seed 21
mean dense_4 dense_whole_last 4 dense_3 half

# Photographs without labels join, with the dense network's mattes; it teaches itself what its two looks agree on.
if [ ! -e data/CCP-pseudo/train/blurred_image ]; then
    "$PYTHON" infer.py --model "$DIR/dense_3.ckpt" --input data/CCP/unlabelled --outputs alpha \
        --output data/CCP-pseudo/train/mask
    cp -r data/CCP/unlabelled data/CCP-pseudo/train/copying
    mv data/CCP-pseudo/train/copying data/CCP-pseudo/train/blurred_image
fi
train dense_final release_final --ckpt_path "$DIR/dense_4.ckpt" --teacher "$DIR/dense_4.ckpt" "${BESIDE[@]}" --seed 81
keep dense_final dense

# The student: pruned, then taught by the dense network as it was at the time.
[ -e "$DIR/pruned/pruned.ckpt" ] || "$PYTHON" prune.py --config configs/release_448.yml --ckpt_path "$DIR/dense_0.ckpt" \
    --strategy budget --importance taylor --target macs=2.5G --multiple 8 --output_path "$DIR/pruned"
train student_384 release_student --ckpt_path "$DIR/pruned/pruned.ckpt" --teacher "$DIR/dense_0.ckpt"
train student_448 release_448 --ckpt_path "$(best student_384)" --teacher "$DIR/dense_0.ckpt" \
    --lr 0.0012 --epoch_size 12 --val_interval 4
keep student_448 student_0
train student_448_more release_448 --ckpt_path "$DIR/student_0.ckpt" --teacher "$DIR/dense_1.ckpt" \
    --lr 0.001 --epoch_size 6
mean student_1 student_448_more 5 student_0 half
train student_448_last release_448 --ckpt_path "$DIR/student_1.ckpt" --teacher "$DIR/dense_1.ckpt" \
    --lr 0.0003 --epoch_size 3
mean student_2 student_448_last 3 student_1 even
train student_whole release_whole --ckpt_path "$DIR/student_2.ckpt" --teacher "$DIR/dense_2.ckpt" --teacher_flip True \
    --lr 0.001 --seed 7
mean student_3 student_whole 5 student_2 half
mean teacher dense_whole_last 2 dense_3 half
train student_pseudo release_pseudo --ckpt_path "$DIR/student_3.ckpt" --teacher "$DIR/teacher.ckpt" \
    "${BESIDE[@]}" --seed 31
mean student_4 student_pseudo 3 student_3 even

# More channels where they cost little time, and the student's last trainings.
[ -e "$DIR/wide.ckpt" ] || "$PYTHON" scripts/widen.py --ckpt_path "$DIR/student_4.ckpt" --output "$DIR/wide.ckpt" \
    --widen 'encoder.to32x.[0-8].expand.*=1.5' 'lr_branch.conv_lr16x.*=1.5' 'lr_branch.conv_lr8x.*=2' --multiple 8
train student_wide release_pseudo --ckpt_path "$DIR/wide.ckpt" --teacher "$DIR/dense_4.ckpt" \
    "${BESIDE[@]}" --epoch_size 10 --seed 51
mean student_5 student_wide 5 wide half
train student_last release_pseudo --ckpt_path "$DIR/student_5.ckpt" --teacher "$DIR/dense_4.ckpt" \
    "${BESIDE[@]}" --lr 0.0004 --epoch_size 3 --seed 61
keep student_last student_6
train student_more release_pseudo --ckpt_path "$DIR/student_6.ckpt" --teacher "$DIR/dense.ckpt" \
    "${BESIDE[@]}" --lr 0.0005 --epoch_size 3 --seed 91
mean student_7 student_more 1 student_6 even
train student_calm release_final --ckpt_path "$DIR/student_7.ckpt" --teacher "$DIR/dense.ckpt" \
    "${BESIDE[@]}" --lr 0.0001 --epoch_size 4 --seed 101
mean student_8 student_calm 3
train student_final release_final --ckpt_path "$DIR/student_8.ckpt" --teacher "$DIR/dense.ckpt" \
    "${BESIDE[@]}" --seed 111
keep student_final student

train mmnet release_mmnet
keep mmnet mmnet
echo "== done: dense.ckpt, student.ckpt and mmnet.ckpt in $DIR; scripts/release.py makes the files of them"
