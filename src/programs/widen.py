"""Give a network more channels where it needs them, without changing what it computes; train it on after that.

    python scripts/widen.py --ckpt_path small.ckpt --widen 'encoder.*.expand.*=1.5' --multiple 8 --output wide.ckpt

The new channels have fresh weights which nothing reads yet, so the scores are as before until training uses them.
A group of channels has the name of the first layer that makes them; a pattern that fits none prints all names.
"""

import argparse
from pathlib import Path

from ..backend.environment import prepare_environment
from ..common.cli import parse_seed, parse_whole
from ..common.log import logger, setup_logging


def parse_factor(text: str) -> tuple[str, float]:
    """`encoder.*=1.5` -> ("encoder.*", 1.5)."""
    pattern, _, factor = text.rpartition("=")
    try:
        return pattern, float(factor)
    except ValueError as error:
        message = f"expected PATTERN=FACTOR such as 'encoder.*=1.5', got {text!r}"
        raise argparse.ArgumentTypeError(message) from error


def main() -> None:
    """Parse the arguments and widen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--ckpt_path", type=Path, required=True, metavar="CKPT", help="a network's checkpoint")
    add("--widen", type=parse_factor, nargs="+", required=True, metavar="PATTERN=FACTOR", help="groups of "
        "channels and how many times as wide they become; the first pattern that fits counts")  # fmt: skip
    add("--multiple", type=parse_whole, default=1, help="round new widths to a multiple of this (default: 1)")
    add("--seed", type=parse_seed, default=0, help="of the new weights (default: 0)")
    add("--output", type=Path, required=True, metavar="FILE", help="the new checkpoint")
    args = parser.parse_args()
    setup_logging()
    prepare_environment("CPU")
    from ..models.costs import count
    from ..pruning.widening import widen_checkpoint

    pair = widen_checkpoint(args.ckpt_path, dict(args.widen), args.multiple, args.seed, args.output)
    for name, network in zip(("before", "after"), pair, strict=True):
        costs = count(network)
        logger.info("%s: %d parameters, %.3f GMACs at 512x512", name, costs.parameters, costs.macs / 1e9)
    logger.info("-> %s", args.output)
