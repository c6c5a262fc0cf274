"""Other backgrounds behind the same person."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from ...common.errors import ConfigError
from ...imaging import IMAGE_SUFFIXES, composite, crop_reflect, estimate_foreground, read_image_for, resize
from . import checks
from .registry import Sample, Transform, register
from .spatial import flipped, log_uniform

_NOISE_SIDE = 256
_MOST_SHAPES = 10


@register
@dataclass(frozen=True)
class BackgroundSwap(Transform):
    """Compose the person on another background; the alpha stays.

    The image itself is not its foreground: its soft pixels hold old background, which would stay on as a fringe
    that tells the network where the outline is. So the sample's 'foreground' is used where there is one, else the
    foreground is estimated (see `estimate_foreground`). Put it after the crop: its cost grows with the image.

    Args:
        probability: of a change.
        background_dir: folder of images without people; None paints backgrounds (1/f noise and plain shapes).
        blur: [from, to] sigma in pixels of a Gaussian blur of the background, as a lens blurs what is far.
    """

    reads_alpha: ClassVar[bool] = True
    probability: float = 0.5
    background_dir: str | None = None
    blur: tuple[float, float] = (0.0, 3.0)
    files: tuple[Path, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        checks.number("probability", self.probability, 0, 1)
        object.__setattr__(self, "blur", checks.span("blur", self.blur, 0, 100))
        if self.background_dir is not None:
            object.__setattr__(self, "files", images(self.background_dir))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image', uint8 [H, W, 3], with another background, or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        image, alpha = sample["image"], sample["alpha"]
        height, width = image.shape[:2]
        background = self._background(height, width, rng)
        foreground = sample["foreground"] if "foreground" in sample else estimate_foreground(image, alpha)
        return {**sample, "image": composite(foreground, alpha, background)}

    def _background(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """A background, uint8 RGB [height, width, 3]."""
        return out_of_focus(any_background(self.files, height, width, rng), rng.uniform(*self.blur))


_WITHOUT_PEOPLE = "Put photographs without people there, or leave `background_dir` out to have backgrounds painted."


def images(folder: str, option: str = "background_dir", cure: str = _WITHOUT_PEOPLE) -> tuple[Path, ...]:
    """Image files of the folder that an option names, in a stable order; ConfigError where there is none."""
    path = Path(folder)
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES) if path.is_dir() else []
    if not files:
        fault = "holds no image" if path.is_dir() else "is not a folder"
        raise ConfigError(f"`{option}` '{folder}' {fault}. {cure}")
    return tuple(files)


def any_background(files: tuple[Path, ...], height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Part of one of the images, or a painted background where there is none; uint8 RGB [height, width, 3]."""
    if not files:
        return painted_background(height, width, rng)
    return cover(files[rng.integers(len(files))], height, width, rng)


def out_of_focus(background: np.ndarray, sigma: float) -> np.ndarray:
    """An image, uint8 [H, W, 3], blurred by `sigma` pixels, as far as that shows."""
    return cv2.GaussianBlur(background, (0, 0), sigma) if sigma > 0.3 else background


def cover(path: Path, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A random part of an image file, of the aspect asked for, resized to uint8 RGB [height, width, 3]."""
    image, _ = read_image_for(path, min(height, width))
    full_height, full_width = image.shape[:2]
    step = min(full_height / height, full_width / width) / log_uniform(rng, 1.0, 1.6)
    part_height, part_width = max(1, int(step * height)), max(1, int(step * width))
    top = int(rng.integers(full_height - part_height + 1))
    left = int(rng.integers(full_width - part_width + 1))
    part = np.ascontiguousarray(crop_reflect(image, top, left, part_height, part_width))
    background = resize(part, height, width)
    return flipped(background) if rng.random() < 0.5 else background


def painted_background(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A random background, uint8 RGB [height, width, 3]: coloured noise with the spectrum of photographs, and shapes.

    The amplitude of natural images falls as 1 / frequency (Field, "Relations between the statistics of natural
    images and the response properties of cortical cells", 1987); steeper here reads as out of focus.
    """
    noise = _spectral_noise(_NOISE_SIDE, rng.uniform(1.0, 1.7), rng)
    # The first field is luma for all three channels; the others tint it a little.
    mix = rng.uniform(15, 50) * (np.array([[1, 0, 0]]) + rng.normal(0, 0.15, (3, 3)))
    mean = rng.uniform(40, 215) + rng.normal(0, 20, (3, 1))
    small = np.clip(cv2.transform(noise, np.hstack([mix, mean])), 0, 255).astype(np.uint8)
    _draw_shapes(small, rng)
    return resize(small, height, width)


def _spectral_noise(side: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Three independent fields [side, side, 3], amplitude 1 / frequency^slope, mean 0, deviation 1, float32."""
    across, down = np.fft.rfftfreq(side), np.fft.fftfreq(side)[:, None]
    frequency = np.hypot(across, down)
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(rng.standard_normal((3, side, side), np.float32))
    fields = np.fft.irfft2(white / frequency**slope, (side, side))
    fields /= fields.std(axis=(1, 2), keepdims=True)
    return np.ascontiguousarray(fields.transpose(1, 2, 0), np.float32)


def _draw_shapes(image: np.ndarray, rng: np.random.Generator) -> None:
    """Lay a few translucent convex shapes over an image, uint8 [S, S, 3], in place: walls, windows, furniture."""
    side = image.shape[0]
    for _ in range(int(rng.integers(_MOST_SHAPES + 1))):
        corners = rng.uniform(-0.2, 1.2, (2,)) * side + rng.normal(0, 0.2, (4, 2)) * side
        layer = image.copy()
        cv2.fillConvexPoly(
            layer, cv2.convexHull(corners.astype(np.int32)), rng.uniform(0, 255, 3).tolist(), cv2.LINE_AA
        )
        share = rng.uniform(0.3, 1)
        cv2.addWeighted(layer, share, image, 1 - share, 0, dst=image)
