"""Score raw results of any program on any device: the numbers are those that eval.py gives the same network.

    python offline_infer/evaluate.py
    python offline_infer/evaluate.py --bins offline_infer/Bin/modnet --output offline_infer/Bin/modnet/output

Leaves eval.json beside the results, in the form of eval.py's.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.cli import run_command
from src.comparison import RESULT
from src.log import logger, setup_logging
from src.offline.bins import FOLDER, OUTPUT
from src.offline.scoring import score


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=Path, default=FOLDER, help="default: %(default)s")
    parser.add_argument("--output", type=Path, help=f"folder of the results (default: {OUTPUT}/ in --bins)")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    setup_logging()
    output = args.output or args.bins / OUTPUT
    result = score(args.bins, output)
    result.save(output / RESULT)
    for region, scores in (("whole picture", result.whole), ("transition band", result.band), ("MMNet", result.mmnet)):
        if scores:
            logger.info("%s: %s", region, ", ".join(f"{name} {value:.6f}" for name, value in scores.items()))
    logger.info("%d pictures, MSE: %.6f, MAD: %.6f", result.pictures, result.whole["mse"], result.whole["mad"])


if __name__ == "__main__":
    run_command(main)
