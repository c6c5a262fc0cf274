"""Prune a checkpoint, retrain what is left, score both, and put them into a table.

    modnet prune-and-retrain --prune_args="--ratio 0.3" runs/p P3M.yml MODNet_best.ckpt 0 --lr 0.001 --epoch_size 20
    bash scripts/run_prune_gpu.sh P3M.yml MODNet_best.ckpt 0 --lr 0.001 --epoch_size 20

A MODNet learns with the dense network as its teacher, and with batch norms, unless the configuration, --prune_args or
the arguments of train.py name a norm. The folder gets pruned/, output/, eval/ and table/.
"""

import argparse
import shlex
from pathlib import Path

from ..common.cli import parse_whole
from ..common.log import setup_logging
from ..config import options as configuration
from ..pruning import options as pruning
from ..pruning.retraining import Retraining, prune_and_retrain


def main() -> int:
    """Check the arguments of all programs, then run one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prune_args", default="", metavar="TEXT", help="more arguments of prune.py, in one text")
    parser.add_argument("output", type=Path, help="folder of the run")
    parser.add_argument("config", type=Path, help="YAML file")
    parser.add_argument("ckpt_path", help="the dense network")
    parser.add_argument("device_id", type=parse_whole, help="number of the device")
    parser.add_argument("train", nargs=argparse.REMAINDER, help="more arguments of train.py")
    args = parser.parse_args()
    prune = shlex.split(args.prune_args)
    job = Retraining(
        folder=args.output,
        config=args.config,
        checkpoint=args.ckpt_path,
        device_id=args.device_id,
        prune=tuple(prune),
        train=tuple(args.train),
        norm_given=_names_norm(prune) or _trains_with_norm(args.config, args.train),
    )
    setup_logging()
    return prune_and_retrain(job)


def _names_norm(arguments: list[str]) -> bool:
    """Whether arguments of prune.py decide about norms; they are checked on the way."""
    parser = argparse.ArgumentParser(prog="prune.py")
    pruning.add_arguments(parser)
    args = parser.parse_args(arguments)
    pruning.from_args(args)
    return args.norm is not None or args.compatible


def _trains_with_norm(config: Path, arguments: list[str]) -> bool:
    """Whether the configuration or arguments of train.py over it name a norm; they are checked on the way."""
    parser = argparse.ArgumentParser(prog="train.py")
    configuration.add_arguments(parser)
    args = parser.parse_args(["--config", str(config), *arguments])
    return configuration.config_from_args(args).network.norm is not None
