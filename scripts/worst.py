"""Draw the pictures that an evaluation did worst on: input, truth, matte, error, the worst first.

python scripts/worst.py --config configs/release.yml --results eval/output --output docs/worst.jpg
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.cli import run_command
from src.config import load_config
from src.imaging import write_picture
from src.log import logger, setup_logging
from src.pairs import evaluation_pairs
from src.worst import worst_page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, metavar="FILE", help="YAML file of the evaluation")
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="--output_path of eval.py")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the page, .jpg or .png")
    parser.add_argument("--number", type=int, default=20, metavar="N", help="how many pictures (default: 20)")
    args = parser.parse_args()
    setup_logging()
    spec = load_config(args.config).dataset("val_dataset")
    write_picture(args.output, worst_page(args.results, evaluation_pairs(spec), args.number, spec.alpha_allow_rgb))
    logger.info("-> %s", args.output)


if __name__ == "__main__":
    run_command(main)
