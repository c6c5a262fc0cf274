"""Cut people out of a photograph, a folder of them, a video or a camera's picture.

    python infer.py --input photo.jpg
    python infer.py --model modnet-p-int8 --input photo.jpg --output out
    python infer.py --model modnet.xml --input photos --output out --background white
    python infer.py --model modnet.xml --input clip.mp4 --output out --background blur --ofd

A picture leaves NAME.png (alpha, 8-bit grey, the picture's size), NAME_rgba.png (the person cut out) and, with
--background, NAME_composite.png. A video leaves NAME_alpha.mov and, with --background, NAME_composite.mp4; with
--outputs rgba also NAME_rgba/000001.png, ... Exit status 1: some pictures could not be used, or a video broke off;
130 or 143: a signal ended a video, whose frames up to then are kept.
"""

import argparse

from src.cli import run_command
from src.files import make_folder
from src.inference.display import check_display
from src.inference.model import open_model, resolve_model
from src.inference.options import InferOptions, add_arguments, read_options
from src.inference.pictures import matte_pictures, plan_pictures
from src.inference.sources import Camera, Pictures, Source, find_source
from src.inference.video import matte_video, plan_video
from src.log import setup_logging
from src.memory import keep_freed_memory
from src.runtime.options import add_model_arguments
from src.zoo import listing


def main() -> int:
    args = parse_arguments()
    setup_logging()
    keep_freed_memory()
    options = read_options(args)
    if options.show:
        check_display()
    resolve_model(args.model)  # before the work that follows
    return infer(find_source(args.input), args, options)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a released model's name, or a model file: .onnx, .xml or .ckpt (default: the "
                        "first released model that can be opened here)")  # fmt: skip
    parser.add_argument("--list", action=ListModels, nargs=0, help="list the released models and leave")
    parser.add_argument("--input", required=True, help="picture, folder of pictures, video, or a camera's number")
    parser.add_argument("--output", default="output", metavar="DIR", help="folder for the results (default: output)")
    parser.add_argument("--device", default="CPU", help="the runtime's name of a device (default: CPU)")
    add_arguments(parser)
    add_model_arguments(parser)
    return parser.parse_args()


class ListModels(argparse.Action):
    """Answers before --input is missed, as --help does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(listing())
        parser.exit()


def infer(source: Source, args: argparse.Namespace, options: InferOptions) -> int:
    output = make_folder(args.output)
    if isinstance(source, Pictures):
        plan = plan_pictures(source.paths, output, options)
        return matte_pictures(open_model(args, options.flip_for(video=False)), plan, options) if plan.jobs else 0
    job = plan_video(source.number if isinstance(source, Camera) else source.path, output, options)
    return 0 if job is None else matte_video(open_model(args, options.flip_for(video=True)), job, options)


if __name__ == "__main__":
    run_command(main)
