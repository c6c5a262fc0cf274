"""A short video of a photograph: a window that moves over it, as a hand-held camera would.

    python data/make_clip.py --image portrait.jpg --output clip.mp4
    python data/make_clip.py --image portrait.jpg --alpha portrait.png --output clip.mp4 --motion fast

With --alpha, the photograph's matte, the true alpha of every frame goes to CLIP_truth/000001.png, ...
"""

import argparse
from pathlib import Path

from ..common.cli import parse_finite, parse_whole
from ..common.log import setup_logging
from ..data.builders.clip import MOTIONS, Clip, make_clip


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, required=True, help="photograph")
    parser.add_argument("--alpha", type=Path, help="its alpha, greyscale, of the photograph's size")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.mp4", help="video to write")
    parser.add_argument("--frames", type=parse_whole, default=Clip.frames, help="length (%(default)s)")
    parser.add_argument("--rate", type=parse_finite, default=Clip.rate, help="frames a second (%(default)s)")
    parser.add_argument(
        "--size", type=parse_whole, default=Clip.size, help="sides of the square frames in pixels (%(default)s)"
    )
    parser.add_argument("--motion", choices=MOTIONS, default=Clip.motion, help="of the window (%(default)s)")
    return parser.parse_args()


def main() -> None:
    """Make the clip that the command line describes."""
    arguments = parse_arguments()
    setup_logging()
    clip = Clip(arguments.frames, arguments.rate, arguments.size, arguments.motion)
    make_clip(arguments.image, arguments.alpha, arguments.output, clip)
