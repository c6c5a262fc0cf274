"""Train a matting network.

python train.py --config P3M.yml --output_path output
python train.py --config P3M.yml --output_path output --resume output
bash scripts/run_standalone_train_gpu.sh P3M.yml 0 --epoch_size 10
"""

import argparse

from ..backend.environment import prepare_environment
from ..common.log import logger, setup_logging
from ..common.signals import keep_interrupts


def main() -> None:
    """Train by the command line."""
    keep_interrupts()
    from ..config.options import add_arguments, config_from_args  # imports NumPy, whose threads must be born after that

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    config = config_from_args(parser.parse_args())
    setup_logging()
    if message := prepare_environment(config.run.device_target):
        logger.info(message)
    from ..training.run import train  # imports MindSpore, which must see the environment made above

    train(config)
