"""What scripts/release.py was asked for: which checkpoints become which release, and how."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ..common.cli import parse_share, parse_whole
from ..common.errors import ConfigError
from ..model_file.releases import FOLDER
from ..spec.preprocess import SIDES

DOCUMENTS = (FOLDER / "README.md", FOLDER.parent / "README.md", FOLDER.parent / "README_CN.md")
KINDS = ("dense", "pruned", "mmnet")  # the keys of `src.release.products.PRODUCTS`


@dataclass(frozen=True)
class Recipe:
    """How a release is made.

    Attributes:
        config: YAML file whose validation set is scored and whose training set calibrates int8.
        ref_size: one side of the network's input from now on; None keeps the checkpoint's.
        ref_side: which side that is, shorter or longer; None keeps the checkpoint's.
        max_mse_increase: of int8 over float (see quantize.py); None sets no budget.
    """

    config: Path
    ref_size: int | None = None
    ref_side: str | None = None
    max_mse_increase: float | None = None


@dataclass(frozen=True)
class Request:
    """What is to be released.

    Attributes:
        checkpoints: trained ones by the keys of `PRODUCTS`; none scores what was released before once more.
        folder: of released files and their index.
        work: for what is being made, and for the mattes and scores of the evaluation, which stay; an earlier
            release's stays too.
        recipe: how; None scores nothing.
        benchmark: result of benchmark.py with released models, by name or file.
        overwrite: replace files that were released before.
        documents: where the table of released models stands.
    """

    checkpoints: dict[str, Path]
    folder: Path
    work: Path
    recipe: Recipe | None = None
    benchmark: Path | None = None
    overwrite: bool = False
    documents: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.checkpoints and self.recipe is None:
            raise ConfigError("A new release needs --config: its validation set gives the scores.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `from_args` reads."""
    add = parser.add_argument
    for kind in KINDS:
        add(f"--{kind}", type=Path, metavar="CKPT", help=f"trained checkpoint of the {kind} network")
    add("--config", type=Path, metavar="FILE", help="YAML file: validation set of the scores, training set of int8")
    add("--ref_size", type=parse_whole, metavar="N", help="one side of the network's input (default: the checkpoint's)")
    add("--ref_side", choices=SIDES, help="which side --ref_size is the length of (default: as the checkpoint says)")
    add("--max_mse_increase", type=parse_share, metavar="SHARE",
        help="of int8 over float, such as 10%% (see quantize.py)")  # fmt: skip
    add("--benchmark", type=Path, metavar="FILE", help="--json of benchmark.py, for the column of times")
    add("--output", type=Path, default=FOLDER, metavar="DIR", help="folder of released files (default: pretrained)")
    add("--work", type=Path, default=Path("output/release"), metavar="DIR", help="folder for mattes and scores")
    add("--documents", type=Path, nargs="*", default=DOCUMENTS, metavar="FILE", help="where the table stands")
    add("--overwrite", action="store_true", help="replace files that were released before")


def from_args(args: argparse.Namespace) -> Request:
    """The request of a command line; ConfigError for new checkpoints without --config."""
    checkpoints = {kind: path for kind in KINDS if (path := getattr(args, kind)) is not None}
    recipe = Recipe(args.config, args.ref_size, args.ref_side, args.max_mse_increase) if args.config else None
    return Request(checkpoints, args.output, args.work, recipe, args.benchmark, args.overwrite, tuple(args.documents))
