"""Cut people out; each result lies beside its input.

    modnet cut a.jpg                       # a_cutout.png
    modnet cut a.jpg -b white              # a_composite.png
    modnet cut photos/ -o out/ -b blur
    modnet cut clip.mov -b blur            # clip_composite.mp4

A folder's results go to FOLDER_cutouts or FOLDER_composites, unless -o names a place. All options of `modnet infer` are
there; so are its exit statuses.
"""

import argparse
import logging
from dataclasses import replace
from pathlib import Path

from ..common.errors import ConfigError
from ..common.log import logger, setup_logging
from ..common.malloc import keep_freed_memory
from ..inference.model import ModelChoice
from ..inference.options import add_arguments, add_selection_arguments, from_args, selection_from_args
from ..inference.run import infer
from ..runtime.options import add_model_arguments, open_options

_STREAM = "-"


def main() -> int:
    """Run the program on the process's arguments; returns the exit status."""
    args = parse_arguments()
    setup_logging(to_stderr=args.output == _STREAM)
    keep_freed_memory()
    args.outputs = args.outputs or ("composite" if args.background else "")
    model, options = ModelChoice(args.model, args.device, open_options(args)), from_args(args)
    selection = selection_from_args(args)
    if args.output is not None:
        return infer(selection, args.output, model, options)
    options = replace(options, marked=True)
    status, places = 0, beside(selection.inputs, "composites" if args.background else "cutouts")
    if len(selection.inputs) == 1 and Path(selection.inputs[0]).is_file():
        logger.setLevel(logging.WARNING)  # one line is enough for one file
    for place, inputs in places.items():
        status = max(status, infer(replace(selection, inputs=tuple(inputs)), place, model, options))
    if status == 0 and logger.level == logging.WARNING:
        source = Path(selection.inputs[0])
        made = sorted(source.parent.glob(f"{source.stem}_*"), key=lambda path: path.stat().st_mtime)
        print(f"{source} -> {made[-1]}")
    return status


def beside(inputs: tuple[str, ...], what: str) -> dict[Path, list[str]]:
    """Where the results of inputs go: a file's beside it, a folder's into one of its name and `what`.

    Raises:
        ConfigError: an input lies nowhere: standard input, a camera, a pattern of folders.
    """
    places: dict[Path, list[str]] = {}
    for text in inputs:
        path = Path(text)
        nowhere = text == _STREAM or (text.isdecimal() and not path.exists()) or "*" in str(path.parent)
        if nowhere or "://" in text:
            raise ConfigError(f"There is no folder beside '{text}' for its results. Say where they go with -o.")
        place = path.with_name(f"{path.resolve().name}_{what}") if path.is_dir() else path.parent
        places.setdefault(place, []).append(text)
    return places


def parse_arguments() -> argparse.Namespace:
    """The process's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_selection_arguments(parser)
    parser.add_argument("-o", "--output", metavar="PLACE", help="folder for the results; for one image also a name "
                        "(x.png, x.webp, x.jpg), or - for standard output (default: beside each input)")  # fmt: skip
    parser.add_argument(
        "-m", "--model", help="a released model's name, or a model file (default: the best that is here)"
    )
    parser.add_argument("--device", default="CPU", help="the runtime's name of a device (default: CPU)")
    add_arguments(parser)
    add_model_arguments(parser)
    return parser.parse_args()
