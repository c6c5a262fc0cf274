"""Draw the images that an evaluation did worst on: input, truth, matte, error, the worst first.

python scripts/worst.py --config configs/release.yml --results eval/output --output docs/worst.jpg
"""

import argparse
from pathlib import Path

from ..common.cli import parse_whole
from ..common.log import logger, setup_logging
from ..config.config import load_config
from ..data.pairs import evaluation_pairs
from ..evaluation.worst import worst_page
from ..imaging import write_image


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, metavar="FILE", help="YAML file of the evaluation")
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="--output_path of eval.py")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the page, .jpg or .png")
    parser.add_argument("--number", type=parse_whole, default=20, metavar="N", help="how many images (default: 20)")
    args = parser.parse_args()
    setup_logging()
    spec = load_config(args.config).dataset("val_dataset")
    write_image(args.output, worst_page(args.results, evaluation_pairs(spec), args.number, spec.alpha_channels))
    logger.info("-> %s", args.output)
