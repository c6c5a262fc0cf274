"""Prune a matting network: a narrower checkpoint that rebuilds itself, and a report on what went.

    python prune.py --ckpt_path MODNet_best.ckpt --ratio 0.5 --threshold 0.5 --output_path pruned
    python prune.py --ckpt_path MODNet_best.ckpt --strategy budget --target macs=2.5G --config P3M.yml --output_path p

Leaves pruned.ckpt, report.txt, report.json and report.png in --output_path; retrain it with train.py --ckpt_path.
"""

import argparse
from pathlib import Path

from ..backend.device import select_device
from ..backend.environment import prepare_environment
from ..common.log import logger, setup_logging
from ..config.config import add_arguments, config_from_args


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, ("ckpt_path", "output_path", "device_target", "device_id", "seed"))
    add = parser.add_argument
    add("--strategy", default="original", help="original, uniform, global, budget or sensitivity (default: original)")
    add("--importance", default="l1", help="l1, l2, bn (folded batch norm) or taylor (needs --config) (default: l1)")
    add("--ratio", type=float, help="share of channels to remove (original: in the branches) (default: 0.5)")
    add("--threshold", type=float, help="original: of the normalised L1, in encoder and LR branch (default: 0.5)")
    add("--target", help="macs=3.0G@512x512, params=1.2M or latency=20ms@512x512, instead of a ratio; the size is "
        "height x width (default: 512x512)")  # fmt: skip
    add("--min_channels", type=int, default=1, help="every group keeps at least so many (default: 1)")
    add("--multiple", type=int, default=1, help="round widths to a multiple of this (default: 1)")
    add("--group_score", help="global: mean or sum of a channel's scores over its layers (default: mean)")
    add("--compatible", action="store_true", help="keep to widths that ModelCompression's JSON can tell (pruned.json)")
    add("--calibration", type=Path, help="folder of images to renew batch norms with (default: the training set)")
    add("--calibration_batches", type=int, help="how many batches of them (default: 8)")
    add("--no_recalibration", action="store_true", help="keep the batch norms' statistics")
    add("--sensitivity_pictures", type=int, help="validation images for each trial (default: 8)")
    add("--norm", dest="norms", default="ib", help="ib: instance norms stay (default); batch: they become batch norms; "
        "auto: where it pays (norms.csv)")  # fmt: skip
    add("--norm_cost", type=float, help="auto: share by which the MSE may rise untrained (default: 0.1)")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    config = config_from_args(args)
    setup_logging()
    if message := prepare_environment(config.device_target):
        logger.info(message)
    from ..pruning.measure import Target
    from ..pruning.options import PruneOptions
    from ..pruning.plan import Limits
    from ..pruning.run import prune_checkpoint

    options = PruneOptions(
        strategy=args.strategy,
        importance=args.importance,
        ratio=args.ratio,
        threshold=args.threshold,
        target=Target.parse(args.target) if args.target else None,
        limits=Limits(args.min_channels, args.multiple),
        gather=args.group_score,
        calibration=args.calibration,
        batches=args.calibration_batches,
        recalibrate=not args.no_recalibration,
        pictures=args.sensitivity_pictures,
        norm=args.norms,
        norm_cost=args.norm_cost,
        compatible=args.compatible,
    )
    select_device(config.device_target, config.device_id)
    report = prune_checkpoint(config, options)
    for line in report.to_text().splitlines():
        logger.info(line)
    logger.info("-> %s", config.output_path)
