"""Score a checkpoint on the validation set of a configuration, and write its mattes.

    python eval.py --config P3M.yml --ckpt_path output/ckpt/MODNet_best.ckpt --output_path eval_output
    bash scripts/run_standalone_eval_gpu.sh P3M.yml output/ckpt/MODNet_best.ckpt 0

Leaves <picture>.png (8-bit grey, the picture's size) and eval.json in --output_path; the last line gives MSE and MAD.
"""

import argparse
from pathlib import Path

from src.cli import run_command
from src.config import add_arguments, config_from_args
from src.device import prepare_environment, select_device
from src.errors import ConfigError
from src.evaluation import PictureScores, evaluate
from src.files import make_folder
from src.log import logger, setup_logging
from src.pairs import evaluation_pairs
from src.results import EvalResult


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, ("ckpt_path", "output_path", "device_target", "device_id"))
    config = config_from_args(parser.parse_args())
    setup_logging()
    if not config.ckpt_path:
        raise ConfigError("Name the network to score: --ckpt_path FILE.ckpt")
    spec = config.dataset("val_dataset")
    pairs = evaluation_pairs(spec)
    output = make_folder(Path(config.output_path))
    if message := prepare_environment(config.device_target):
        logger.info(message)
    select_device(config.device_target, config.device_id)
    from src.runtime.mindspore_runtime import MindSporePredictor

    predictor, _ = MindSporePredictor.from_checkpoint(config.ckpt_path)
    logger.info("%s on %d pictures of %s", config.ckpt_path, len(pairs), spec.dataset_root)
    result = evaluate(
        predictor, pairs, config.ckpt_path, spec.dataset_root, output, spec.alpha_allow_rgb, on_picture=log_picture
    )
    result.save(output / "eval.json")
    log_result(result)


def log_picture(scores: PictureScores) -> None:
    logger.info(
        "%s: MSE %.6f, MAD %.6f, SAD %.3f, band MSE %.6f", scores.name, scores.whole.mse, scores.whole.mad,
        scores.whole.sad, scores.band.mse,
    )  # fmt: skip


def log_result(result: EvalResult) -> None:
    for region, scores in (("whole picture", result.whole), ("transition band", result.band)):
        values = ", ".join(f"{name.upper() if name != 'miou' else 'mIoU'} {scores[name]:.6f}" for name in scores)
        logger.info("%s: %s", region, values)
    logger.info("%d pictures in %.1f s, network %.1f s", result.pictures, result.seconds, result.network_seconds)
    logger.info("eval result, MSE: %.6f, MAD: %.6f", result.whole["mse"], result.whole["mad"])


if __name__ == "__main__":
    run_command(main)
