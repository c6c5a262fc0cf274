"""Cut people out of a photograph, a folder of them, a video or a camera's image.

    python infer.py --input photo.jpg
    python infer.py --model modnet-p-int8 --input photo.jpg --output out
    python infer.py --model modnet.xml --input photos --output out --background white
    python infer.py --model modnet.xml --input clip.mp4 --output out --background blur --ofd

An image leaves NAME.png (alpha, 8-bit grey, the image's size), NAME_rgba.png (the person cut out) and, with
--background, NAME_composite.png. A video leaves NAME_alpha.mov and, with --background, NAME_composite.mp4; with
--outputs rgba also NAME_rgba/000001.png, ... Exit status 1: some images could not be used, or a video broke off;
130 or 143: a signal ended a video, whose frames up to then are kept.
"""

import argparse

from ..common.log import setup_logging
from ..common.malloc import keep_freed_memory
from ..inference.model import ModelChoice
from ..inference.options import add_arguments, from_args
from ..inference.run import infer
from ..model_file.listing import listing
from ..runtime.options import add_model_arguments, open_options


def main() -> int:
    """Run the program on the process's arguments; returns the exit status."""
    args = parse_arguments()
    setup_logging()
    keep_freed_memory()
    model = ModelChoice(args.model, args.device, open_options(args))
    return infer(args.input, args.output, model, from_args(args))


def parse_arguments() -> argparse.Namespace:
    """The process's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a released model's name, or a model file: .onnx, .xml or .ckpt (default: the "
                        "first released model that can be opened here)")  # fmt: skip
    parser.add_argument("--list", action=ListModels, nargs=0, help="list the released models and leave")
    parser.add_argument("--input", required=True, help="image, folder of images, video, or a camera's number")
    parser.add_argument("--output", default="output", metavar="DIR", help="folder for the results (default: output)")
    parser.add_argument("--device", default="CPU", help="the runtime's name of a device (default: CPU)")
    add_arguments(parser)
    add_model_arguments(parser)
    return parser.parse_args()


class ListModels(argparse.Action):
    """Prints the released models and leaves before --input is missed, as --help does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """See `argparse.Action`."""
        print(listing())
        parser.exit()
