"""Score raw results of any program on any device: the numbers are those that eval.py gives the same network.

    python offline_infer/evaluate.py
    python offline_infer/evaluate.py --bins offline_infer/Bin/modnet --output offline_infer/Bin/modnet/output

Leaves eval.json beside the results, in the form of eval.py's.
"""

import argparse
from pathlib import Path

from ..common.log import logger, setup_logging
from ..common.text import count_of
from ..data.pairs import find_trimaps
from ..evaluation.comparison import RESULT
from ..evaluation.offline.bin_store import FOLDER, OUTPUT, BinOutputs, BinTruth
from ..evaluation.offline.score import score


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=Path, default=FOLDER, help="default: %(default)s")
    parser.add_argument("--output", type=Path, help=f"folder of the results (default: {OUTPUT}/ in --bins)")
    parser.add_argument("--trimap", type=Path, metavar="DIR", help="trimaps named as the images: score their unknown "
                        "pixels in place of the alphas' transition bands")  # fmt: skip
    return parser.parse_args()


def main() -> None:
    """Score the results and write eval.json beside them."""
    args = parse_arguments()
    setup_logging()
    outputs = BinOutputs(args.bins, args.output)
    truth = BinTruth(args.bins)
    if args.trimap:
        truth.trimaps = find_trimaps(args.trimap, truth.names)
    result = score(outputs, truth)
    result.save(outputs.folder / RESULT)
    for region, scores in (("whole image", result.whole), ("transition band", result.band), ("MMNet", result.mmnet)):
        if scores:
            logger.info("%s: %s", region, ", ".join(f"{name} {value:.6f}" for name, value in scores.items()))
    number = count_of(result.pictures, "image")
    logger.info("%s, MSE: %.6f, MAD: %.6f", number, result.whole["mse"], result.whole["mad"])
