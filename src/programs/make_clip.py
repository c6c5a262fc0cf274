"""A short video of a photograph: a window that moves over it, as a hand-held camera would.

    python data/make_clip.py --image portrait.jpg --output clip.mp4
    python data/make_clip.py --image portrait.jpg --alpha portrait.png --output clip.mp4 --motion fast

With --alpha, the photograph's matte, the true alpha of every frame goes to CLIP_truth/000001.png, ...
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..common.errors import ConfigError, DataError
from ..common.files import refuse_existing
from ..common.log import logger, setup_logging
from ..imaging import read_alpha, read_image, resize, to_uint8
from ..imaging.video import write_frames, write_video

# How far the window wanders, as a share of the photograph's free margin, and how often it turns in a clip.
MOTIONS = {"still": (0.0, 0), "slow": (0.5, 1), "fast": (1.0, 3)}
_ZOOM = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True, help="photograph")
    parser.add_argument("--alpha", help="its alpha, greyscale, of the photograph's size")
    parser.add_argument("--output", required=True, metavar="FILE.mp4", help="video to write")
    parser.add_argument("--frames", type=int, default=75, help="length (default: 75)")
    parser.add_argument("--rate", type=float, default=25, help="frames a second (default: 25)")
    parser.add_argument("--size", type=int, default=512, help="sides of the square frames in pixels (default: 512)")
    parser.add_argument("--motion", choices=MOTIONS, default="slow", help="of the window (default: slow)")
    args = parser.parse_args()
    setup_logging()
    if args.frames < 1 or args.rate <= 0 or args.size < 32:
        raise ConfigError("--frames must be at least 1, --rate above 0 and --size at least 32.")
    make_clip(args)


def make_clip(args: argparse.Namespace) -> None:
    output = Path(args.output)
    truth = output.with_name(f"{output.stem}_truth")
    refuse_existing(output, truth)
    image, alpha = read_image(args.image), None if args.alpha is None else to_uint8(read_alpha(args.alpha))
    if alpha is not None and alpha.shape != image.shape[:2]:
        raise DataError(f"Photograph {args.image} and alpha {args.alpha} differ in size.")
    windows = list(crops(*image.shape[:2], args.frames, *MOTIONS[args.motion]))
    output.parent.mkdir(parents=True, exist_ok=True)
    with write_video(output, "mp4v", args.rate, (args.size, args.size), color=True) as write:
        for window in windows:
            write(resize(np.ascontiguousarray(image[window]), args.size, args.size))
    if alpha is not None:
        with write_frames(truth) as write:
            for window in windows:
                write(resize(np.ascontiguousarray(alpha[window]), args.size, args.size))
    logger.info("%d frames of %dx%d: %s", args.frames, args.size, args.size, output)


def crops(height: int, width: int, frames: int, share: float, turns: int) -> Iterator[tuple[slice, slice]]:
    """Square windows on a Lissajous figure; they breathe by a tenth while they move."""
    for t in range(frames):
        phase = 2 * math.pi * turns * t / frames
        side = min(height, width) * (0.9 - (_ZOOM / 2 * (1 - math.cos(phase)) if share else 0))
        top, left = ((n - side) / 2 * (1 + share * math.sin(f * phase)) for n, f in ((height, 2), (width, 1)))
        yield slice(round(top), round(top + side)), slice(round(left), round(left + side))
