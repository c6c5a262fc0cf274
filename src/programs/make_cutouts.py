"""Make cut-outs of people out of photographs and their alphas, for `GroupScene`.

python data/make_cutouts.py configs/CCP.yml --output data/CCP-people
"""

import argparse
from pathlib import Path

from ..common.cli import parse_positive, parse_whole
from ..common.errors import ConfigError
from ..common.processes import check_workers
from ..config.config import load_config
from ..config.dataset import DatasetSpec
from ..data.builders.cutouts import HEIGHT, make_cutouts
from ..data.pairs import Pair, find_pairs
from ..imaging import AlphaChannels


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Then give `people_dir: DIR` to GroupScene. People who are cut by a side or by the upper border are "
        "left out; those who are cut by the lower border are kept.",
    )
    parser.add_argument("config", nargs="?", help="YAML file with train_dataset; or --image and --alpha")
    parser.add_argument("--image", type=Path, help="folder of photographs")
    parser.add_argument("--alpha", type=Path, help="folder of their alphas, of the same file stems")
    parser.add_argument("--output", type=Path, required=True, help="new folder, or one to go on with")
    parser.add_argument("--height", type=parse_positive, default=HEIGHT, help="most pixels of height (%(default)s)")
    parser.add_argument("--workers", type=parse_whole, help="processes of one thread each (one per core)")
    return parser.parse_args()


def main() -> None:
    """Make the cut-outs that are not there yet."""
    arguments = parse_arguments()
    if arguments.height < 64:
        raise ConfigError(f"--height must be at least 64 pixels, got {arguments.height}.")
    pairs, allow_rgb = _pairs(arguments)
    workers = check_workers(arguments.workers)
    written, left_out = make_cutouts(pairs, arguments.output, arguments.height, workers, allow_rgb)
    print(f"{arguments.output}: {written} people; {left_out} images show none, or one who is cut by a side")


def _pairs(arguments: argparse.Namespace) -> tuple[list[Pair], AlphaChannels]:
    """Pairs of the configuration or of the two folders, and the channels that their alphas may have."""
    folders = arguments.image, arguments.alpha
    if (arguments.config is None) == (None in folders) or (arguments.config is not None and any(folders)):
        raise ConfigError("Give a configuration with `train_dataset`, or both --image DIR and --alpha DIR.")
    if arguments.config is None:
        image, alpha = (str(folder.absolute()) for folder in folders)
        spec = DatasetSpec(dataset_root=".", name="folder", img_subpath=image, alpha_subpath=alpha)
    else:
        spec = load_config(arguments.config).dataset("train_dataset")
    return find_pairs(spec), spec.alpha_channels
