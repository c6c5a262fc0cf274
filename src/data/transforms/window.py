"""Scale, crop, flip and rotation in one step, with windows that seek out the person."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ...imaging import crop_reflect
from . import checks
from .registry import Sample, Transform, register
from .spatial import flipped, log_uniform, move_all, occupied, resize_field


@dataclass(frozen=True)
class _Window:
    """A rectangle in the source: centre (x, y), `step` source pixels for each output pixel, angle, mirrored or not."""

    x: float
    y: float
    step: float
    degrees: float
    flip: bool


@register
@dataclass(frozen=True)
class RandomScaleCrop(Transform):
    """Cut a random window of random scale, turned and mirrored, straight to the output size.

    One resampling of the window alone replaces resize, crop and flip of the whole image. Shrinking averages
    pixel areas; beyond the image's border it goes on mirrored.

    Street photographs show people from head to foot, portraits from the shoulders up. The person's mode makes
    the second out of the first: it puts the window on the person's head and lets it reach from head and shoulders
    to the whole body. Head and shoulders are taken to be as high as the person is wide (no higher than the person).

    Args:
        gt_field: accepted; every field is moved.
        crop_size: [width, height] of the output.
        scale: [from, to] zoom, drawn evenly on a logarithmic scale; at 1 the window is the largest that fits in.
        rotation: largest angle in degrees, to either side.
        flip: probability of mirroring.
        person: probability of the person's mode; an image without a person gets an ordinary window.
        enlarge: most output pixels for one source pixel in the person's mode.
    """

    gt_field: tuple[str, ...] = ("alpha",)
    crop_size: tuple[int, int] = (512, 512)
    scale: tuple[float, float] = (0.8, 1.6)
    rotation: float = 0.0
    flip: float = 0.5
    person: float = 0.0
    enlarge: float = 2.0

    def __post_init__(self) -> None:
        checks.fields("gt_field", self.gt_field)
        object.__setattr__(self, "crop_size", checks.size("crop_size", self.crop_size))
        object.__setattr__(self, "scale", checks.span("scale", self.scale, 0.05, 20))
        checks.number("rotation", self.rotation, 0, 180)
        checks.number("flip", self.flip, 0, 1)
        checks.number("person", self.person, 0, 1)
        checks.number("enlarge", self.enlarge, 0.1, 20)

    @property
    def reads_alpha(self) -> bool:
        """Whether the person's mode, which looks for the person in the alpha, can happen."""
        return self.person > 0

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give every pixel field of a random window, [height, width] of `crop_size`."""
        window = self._person_window(sample, rng) if rng.random() < self.person else None
        window = window or self._any_window(sample["image"].shape[:2], rng)
        return move_all(sample, lambda key, array: _cut(key, array, window, self.crop_size))

    def _any_window(self, full: tuple[int, int], rng: np.random.Generator) -> _Window:
        width, height = self.crop_size
        step = min(full[1] / width, full[0] / height) / log_uniform(rng, *self.scale)
        x, y = (_centre(rng, side, step * out) for side, out in ((full[1], width), (full[0], height)))
        return self._turned(x, y, step, rng)

    def _person_window(self, sample: Sample, rng: np.random.Generator) -> _Window | None:
        person = sample["alpha"] > 0.5
        rows, columns = occupied(person)
        if not len(rows):
            return None
        top, tall, broad = int(rows[0]), len(rows), int(columns[-1] - columns[0]) + 1
        width, height = self.crop_size
        bust = min(1.1 * min(tall, broad), person.shape[0])
        body = max(min(1.2 * tall, person.shape[0]), bust)
        reach = max(log_uniform(rng, bust, body), height / self.enlarge)
        head = person[top : top + max(1, round(0.35 * min(reach, tall)))]
        middle = float(np.average(np.arange(person.shape[1]), weights=head.sum(axis=0)))
        step = reach / height
        x = middle + rng.uniform(-0.15, 0.15) * step * width
        y = top + (0.5 - rng.uniform(0.03, 0.25)) * reach
        full_height, full_width = person.shape
        return self._turned(_inside(x, full_width, step * width), _inside(y, full_height, reach), step, rng)

    def _turned(self, x: float, y: float, step: float, rng: np.random.Generator) -> _Window:
        return _Window(x, y, step, rng.uniform(-self.rotation, self.rotation), rng.random() < self.flip)


def _centre(rng: np.random.Generator, full: float, window: float) -> float:
    """Centre of a window that lies in the image, or of one that the image lies in."""
    low, high = sorted((window / 2, full - window / 2))
    return rng.uniform(low, high)


def _inside(centre: float, full: float, window: float) -> float:
    """Move a window into the image; one that is larger goes in the middle."""
    return min(max(centre, window / 2), full - window / 2) if window <= full else full / 2


def _cut(key: str, array: np.ndarray, window: _Window, crop_size: tuple[int, int]) -> np.ndarray:
    """A window of uint8 [H, W, 3] or float32 [H, W] at the output size: its upright hull by pixel area, then turned."""
    width, height = crop_size
    cos, sin = (abs(f(math.radians(window.degrees))) for f in (math.cos, math.sin))
    hull_width, hull_height = (width * cos + height * sin), (width * sin + height * cos)
    span_x, span_y = (max(1, round(side * window.step)) for side in (hull_width, hull_height))
    patch = crop_reflect(array, round(window.y - span_y / 2), round(window.x - span_x / 2), span_y, span_x)
    patch = resize_field(key, np.ascontiguousarray(patch), round(hull_height), round(hull_width))
    if window.degrees:
        patch = _turn(key, patch, window.degrees, crop_size)
    return flipped(patch) if window.flip else patch


def _turn(key: str, patch: np.ndarray, degrees: float, crop_size: tuple[int, int]) -> np.ndarray:
    """Rotate uint8 [H, W, 3] or float32 [H, W] about the middle and keep `crop_size` of it."""
    width, height = crop_size
    middle_x, middle_y = (patch.shape[1] - 1) / 2, (patch.shape[0] - 1) / 2
    matrix = np.asarray(cv2.getRotationMatrix2D((middle_x, middle_y), degrees, 1.0), np.float64)
    matrix[:, 2] += (width - 1) / 2 - middle_x, (height - 1) / 2 - middle_y
    method = cv2.INTER_NEAREST if key == "trimap" else cv2.INTER_LINEAR
    return cv2.warpAffine(patch, matrix, crop_size, flags=method, borderMode=cv2.BORDER_REFLECT_101)
