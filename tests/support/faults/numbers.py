"""Absurd numbers for every option that takes one."""

from tests.support.faults.case import Case, Place, malformed

ABSURD = ("-1", str(10**30), "-" + "9" * 40, "nan", "inf", "-inf", "1e400", "x", "", "0x10", "9" * 5000)
# Program -> its other arguments; option -> whether the program takes fractions there. What 0 means differs.
FLAGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "train": (
        ("--config", "{config}", "--output_path", "{out}"),
        ("--epoch_size", "--lr", "--batch_size", "--seed", "--val_interval", "--momentum", "--weight_decay",
         "--ema_decay", "--warmup_steps", "--device_id", "--workers", "--log_print_interval", "--keep_checkpoint_max",
         "--width_multiplier", "--bn_momentum", "--save_last_minutes", "--semantic_scale"),
    ),
    "prune": (
        ("--ckpt_path", "{ckpt}", "--output_path", "{out}"),
        ("--ratio", "--threshold", "--min_channels", "--multiple", "--seed", "--calibration_batches",
         "--sensitivity_images", "--norm_cost"),
    ),
    "infer": (
        ("--model", "{onnx}", "--input", "{photo}", "--output", "{out}"),
        ("--batch_size", "--threads", "--ref_size", "--multiple", "--ofd_agree", "--ofd_differ"),
    ),
    "quantize": (
        ("--model", "{onnx}", "--calibration", "{images}", "--output_path", "{out}"),
        ("--calibration_size", "--seed", "--validation_size", "--max_mse_increase"),
    ),
    "benchmark": (
        ("--models", "{onnx}"),
        ("--rounds", "--turn", "--warm_up", "--loop", "--threads", "--shape", "--source", "--ref_size", "--multiple",
         "--max_slowdown"),
    ),
    "export": (("--ckpt_path", "{ckpt}", "--output_path", "{out}"), ("--input_shape",)),
    "widen": (("--ckpt_path", "{ckpt}", "--output", "{out}", "--widen", "*=2"), ("--multiple", "--seed")),
    "average": (("--ckpt_path", "{ckpt}", "{ckpt}", "--output", "{out}"), ("--shares",)),
    "make_synthetic": (("--output", "{out}"), ("--train", "--validation", "--size", "--seed", "--workers")),
    "make_clip": (("--image", "{photo}", "--output", "{out}.mp4"), ("--frames", "--rate", "--size")),
    "make_records": (("{config}", "--output", "{out}"), ("--short_side", "--quality", "--shards", "--workers")),
    "make_backgrounds": (("{config}", "--output", "{out}"), ("--workers",)),
    "check_dataset": (("{config}",), ("--workers",)),
    "prepare_ccp": (("--source", "{images}", "--output", "{out}"), ("--workers", "--limit", "--validation_share")),
    "image2npz": (("--input", "{images}", "--output", "{out}"), ("--input_shape", "--ref_size", "--multiple")),
    "worst": (("--config", "{config}", "--results", "{images}", "--output", "{out}.png"), ("--number",)),
    "eval": (
        ("--config", "{config}", "--output_path", "{out}", "--model", "{onnx}", "{onnx}"),
        ("--max_mse_increase", "--ref_size", "--multiple", "--device_id"),
    ),
}  # fmt: skip


@malformed("number")
def absurd(place: Place) -> Case:
    world = place.world
    names = {"config": world.config, "ckpt": world.checkpoint, "onnx": world.onnx, "out": place.output,
             "photo": world.photo, "images": world.images}  # fmt: skip
    program = place.rng.choice(sorted(FLAGS))
    others, options = FLAGS[program]
    option, value = place.rng.choice(options), place.rng.choice(ABSURD)
    # `--x=-1`, because argparse takes `--x -1` for an option where the value may be left out.
    arguments = (*(text.format(**names) for text in others), f"{option}={value}")
    return Case(f"{option}={value[:12]}", program, arguments, output=place.output)


absurd_again = malformed("number")(absurd)
