"""Cut people out of a photograph, a folder of them, a video or a camera's image.

    python infer.py photo.jpg
    python infer.py photo.jpg --output cut.png
    python infer.py photos holiday/*.jpg --output out --background white --model modnet-p-int8
    python infer.py clip.mp4 --output out --background blur --ofd
    cat photo.jpg | python infer.py - --output - > cut.png

An image leaves NAME.png, the person cut out, of the image's size; with --outputs cutout,alpha also NAME_alpha.png, and
with --background NAME_composite.png. A video leaves NAME_alpha.mov and, with --background, NAME_composite.mp4; with
--outputs cutout also NAME_rgba/000001.png, ... Exit status 1: something was not done, and the last line says what and
why; 130 or 143: a signal ended a video, whose frames up to then are kept.
"""

import argparse

from ..common.log import setup_logging
from ..common.malloc import keep_freed_memory
from ..inference.model import ModelChoice
from ..inference.options import add_arguments, add_selection_arguments, from_args, selection_from_args
from ..inference.run import infer
from ..model_file.listing import listing
from ..runtime.options import add_model_arguments, open_options


def main() -> int:
    """Run the program on the process's arguments; returns the exit status."""
    args = parse_arguments()
    setup_logging(to_stderr=args.output == "-")
    keep_freed_memory()
    model = ModelChoice(args.model, args.device, open_options(args))
    return infer(selection_from_args(args), args.output, model, from_args(args))


def parse_arguments() -> argparse.Namespace:
    """The process's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a released model's name, or a model file: .onnx, .xml or .ckpt (default: the "
                        "first released model that can be opened here)")  # fmt: skip
    parser.add_argument("--list", action=ListModels, nargs=0, help="list the released models and leave")
    add_selection_arguments(parser)
    parser.add_argument("-o", "--output", default="output", metavar="DIR", help="folder for the results (default: "
                        "output); for one image also a name (x.png, x.webp, x.jpg), or - for stdout")  # fmt: skip
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
