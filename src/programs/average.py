"""Average the weights of several checkpoints of one network into a new one.

    python scripts/average.py --ckpt_path train/output/ckpt/MODNet-*.ckpt --output average.ckpt
    python scripts/average.py --ckpt_path start.ckpt first.ckpt second.ckpt --shares 2 1 1 --output average.ckpt

For checkpoints along one training, or of trainings that began at the same weights: their mean is often better than each
of them (score it with eval.py), and as small and fast.
"""

import argparse
from pathlib import Path

from ..backend.environment import prepare_environment
from ..common.cli import parse_finite
from ..common.log import logger, setup_logging


def main() -> None:
    """Parse the arguments and average."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--ckpt_path", type=Path, nargs="+", required=True, metavar="CKPT", help="checkpoints of one network")
    add("--shares", type=parse_finite, nargs="+", metavar="S", help="weight of each, of any sum (default: all alike)")
    add("--output", type=Path, required=True, metavar="FILE", help="the new checkpoint")
    args = parser.parse_args()
    setup_logging()
    prepare_environment("CPU")
    from ..checkpoint.averaging import average_checkpoints

    average_checkpoints(args.ckpt_path, args.shares, args.output)
    logger.info("-> %s", args.output)
