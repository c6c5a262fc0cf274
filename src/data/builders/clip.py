"""A short video of a photograph: a window that moves over it, with the true alpha of every frame where it is known."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...common.errors import ConfigError, DataError
from ...common.files import make_folder, refuse_existing
from ...common.log import logger
from ...imaging import read_alpha, read_image, resize, to_uint8
from ...imaging.video import write_frames, write_video

# How far the window wanders, as a share of the photograph's free margin, and how often it turns in a clip.
MOTIONS = {"still": (0.0, 0), "slow": (0.5, 1), "fast": (1.0, 3)}
_ZOOM = 0.1

Window = tuple[slice, slice]


@dataclass(frozen=True)
class Clip:
    """What a clip is like.

    Attributes:
        frames: how many there are.
        rate: of them in a second.
        size: sides of the square frames in pixels.
        motion: of the window, a key of `MOTIONS`.
    """

    frames: int = 75
    rate: float = 25
    size: int = 512
    motion: str = "slow"

    def __post_init__(self) -> None:
        if self.frames < 1 or self.rate <= 0 or self.size < 32:
            raise ConfigError("--frames must be at least 1, --rate above 0 and --size at least 32.")

    def windows(self, height: int, width: int) -> Iterator[Window]:
        """Square windows on a Lissajous figure; they breathe by a tenth while they move."""
        share, turns = MOTIONS[self.motion]
        for t in range(self.frames):
            phase = 2 * math.pi * turns * t / self.frames
            side = min(height, width) * (0.9 - (_ZOOM / 2 * (1 - math.cos(phase)) if share else 0))
            top, left = ((n - side) / 2 * (1 + share * math.sin(f * phase)) for n, f in ((height, 2), (width, 1)))
            yield slice(round(top), round(top + side)), slice(round(left), round(left + side))

    def frame(self, array: np.ndarray, window: Window) -> np.ndarray:
        """One frame of uint8 [H, W] or [H, W, 3]: the window at the clip's size, uint8 [size, size] or [..., 3]."""
        return resize(np.ascontiguousarray(array[window]), self.size, self.size)


def make_clip(photograph: Path, alpha: Path | None, output: Path, clip: Clip) -> None:
    """Write the video `output` and, with an alpha, the true alphas as images in the folder OUTPUT_truth beside it.

    Raises:
        DataError: a file cannot be read, or photograph and alpha differ in size.
        OutputError: the video or the folder is there already.
    """
    truth = output.with_name(f"{output.stem}_truth")
    refuse_existing(output, truth)
    image, matte = read_image(photograph), None if alpha is None else to_uint8(read_alpha(alpha))
    height, width = image.shape[:2]
    if matte is not None and matte.shape != (height, width):
        raise DataError(f"Photograph {photograph} and alpha {alpha} differ in size.")
    windows = list(clip.windows(height, width))
    make_folder(output.parent)
    with write_video(output, "mp4v", clip.rate, (clip.size, clip.size), color=True) as write:
        for window in windows:
            write(clip.frame(image, window))
    if matte is not None:
        with write_frames(truth) as write:
            for window in windows:
                write(clip.frame(matte, window))
    logger.info("%d frames of %dx%d: %s", clip.frames, clip.size, clip.size, output)
