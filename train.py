"""Train a matting network.

python train.py --config P3M.yml --output_path output
python train.py --config P3M.yml --output_path output --resume output
bash scripts/run_standalone_train_gpu.sh P3M.yml 0 --epoch_size 10
"""

import argparse

from src.cli import run_command
from src.config import add_arguments, config_from_args
from src.device import prepare_environment
from src.log import logger, setup_logging


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    config = config_from_args(parser.parse_args())
    setup_logging()
    if message := prepare_environment(config.device_target):
        logger.info(message)
    from src.training.run import train  # imports MindSpore, which must see the environment made above

    train(config)


if __name__ == "__main__":
    run_command(main)
