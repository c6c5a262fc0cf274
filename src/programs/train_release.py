"""Make the released networks from nothing: data, all trainings and means, to dense.ckpt, student.ckpt and mmnet.ckpt.

    modnet train-release clothing-co-parsing output/release-training
    modnet train-release clothing-co-parsing output/rehearsal --epoch_size 1

Run it in a checkout. What is there already is not made again, and an interrupted training goes on: start it again with
the same arguments. src/release/recipe.py is the list of the steps.
"""

import argparse
from pathlib import Path

from ..common.errors import DataError
from ..common.files import make_folder
from ..common.log import setup_logging
from ..release.recipe import Workplace, train_release


def main() -> int:
    """Do all steps that are not done yet; the exit status is that of a step that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="clone of https://github.com/bearpaw/clothing-co-parsing")
    parser.add_argument("output", type=Path, help="folder for all that is made")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="more arguments for every training")
    args = parser.parse_args()
    setup_logging()
    source = args.source.resolve()
    if not source.is_dir():
        raise DataError(f"no folder at {source}. Get it by: git clone https://github.com/bearpaw/clothing-co-parsing")
    if not Path("train.py").is_file():
        raise DataError(f"{Path.cwd()} is no checkout of this repository: change to one, and start it there.")
    return train_release(Workplace(source, make_folder(args.output).resolve(), tuple(args.arguments)))
