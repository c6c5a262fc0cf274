"""Prune a matting network: a narrower checkpoint that rebuilds itself, and a report on what went.

    python prune.py --ckpt_path MODNet_best.ckpt --ratio 0.5 --threshold 0.5 --output_path pruned
    python prune.py --ckpt_path MODNet_best.ckpt --strategy budget --target macs=2.5G --config P3M.yml --output_path p

Leaves pruned.ckpt, report.txt, report.json and report.png in --output_path; retrain it with train.py --ckpt_path.
ModelCompression's --ckpt_path, --ratio, --threshold, --weight_replace and --verbose mean the same here.
"""

import argparse

from ..backend.device import select_device
from ..backend.environment import prepare_environment
from ..common.log import logger, setup_logging
from ..pruning import options as pruning


def main() -> None:
    """Prune the checkpoint that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pruning.add_arguments(parser)
    args = parser.parse_args()
    options = pruning.from_args(args)
    config = pruning.config_from_args(args)
    setup_logging()
    if message := prepare_environment(config.run.device_target):
        logger.info(message)
    from ..pruning.run import prune_checkpoint  # imports MindSpore, which must see the environment made above

    select_device(config.run.device_target, config.run.device_id)
    report = prune_checkpoint(config, options)
    for line in report.to_text(layers=args.verbose).splitlines():
        logger.info(line)
    logger.info("-> %s", config.run.output_path)
