"""MMNet's preparation and augmentation (Seo et al., arXiv 1904.03816, with the constants of its original trainer).

The aspect is not kept, and nothing smooths: a network is to be scored on images made as its training's were.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ...imaging import resize_align_corners, resize_legacy
from . import checks
from .registry import Sample, Transform, register
from .spatial import move_all, resize_field


@register
@dataclass(frozen=True)
class ResizeAlignCorners(Transform):
    """Resize to one size whatever the aspect, bilinear, the corner pixels staying in the corners.

    Args:
        gt_field: [] resizes the image alone (the alpha stays at the source's size, as validation wants it);
            anything else moves every field.
        target_size: [width, height].
    """

    gt_field: tuple[str, ...] = ("alpha",)
    target_size: tuple[int, int] = (256, 256)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gt_field", checks.fields("gt_field", self.gt_field))
        object.__setattr__(self, "target_size", checks.size("target_size", self.target_size))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give image, alpha and trimap as [h, w] of `target_size`; see `gt_field`."""
        width, height = self.target_size
        if not self.gt_field:
            return {**sample, "image": resize_align_corners(sample["image"], height, width)}
        return move_all(sample, lambda key, array: stretched(key, array, height, width))


def stretched(key: str, array: np.ndarray, height: int, width: int) -> np.ndarray:
    """A sample's field at another size, corners aligned; a trimap by nearest pixel.

    Args:
        key: name of the field.
        array: uint8 [H, W, 3] or float32 [H, W] in [0, 1]; the result is of the same type and range.
        height: rows of the result.
        width: columns of the result.
    """
    if key == "trimap":
        return resize_field(key, array, height, width)
    return resize_align_corners(array, height, width)


@register
@dataclass(frozen=True)
class RandomStretch(Transform):
    """Scale height and width independently, each by a factor drawn from an even grid; corners stay corners.

    Args:
        gt_field: accepted; every field is moved.
        scale: [from, to], both of them in the grid.
        steps: number of factors in the grid.
    """

    gt_field: tuple[str, ...] = ("alpha",)
    scale: tuple[float, float] = (1.0, 1.15)
    steps: int = 15

    def __post_init__(self) -> None:
        checks.fields("gt_field", self.gt_field)
        object.__setattr__(self, "scale", checks.span("scale", self.scale, 0.05, 20))
        checks.whole("steps", self.steps, 1)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give every pixel field as [h, w], each side scaled by its own factor."""
        factors = rng.choice(np.linspace(self.scale[0], self.scale[1], self.steps), size=2)
        height, width = (int(side * factor) for side, factor in zip(sample["image"].shape[:2], factors, strict=True))
        return move_all(sample, lambda key, array: stretched(key, array, height, width))


@register
@dataclass(frozen=True)
class RandomRotateZoom(Transform):
    """Turn a square about its centre, and zoom in to what the turned image still fills.

    The turn takes the nearest pixel, the zoom is TensorFlow's legacy bilinear.

    Args:
        gt_field: accepted; every field is moved.
        degrees: largest angle, to either side.
        probability: of a turn.
    """

    gt_field: tuple[str, ...] = ("alpha",)
    degrees: float = 15.0
    probability: float = 0.5

    def __post_init__(self) -> None:
        checks.fields("gt_field", self.gt_field)
        checks.number("degrees", self.degrees, 0, 45)
        checks.number("probability", self.probability, 0, 1)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give every pixel field turned, or the sample as it is; sizes stay."""
        if rng.random() >= self.probability:
            return sample
        angle = rng.uniform(-self.degrees, self.degrees)
        return move_all(sample, lambda key, array: rotate_zoom(key, array, angle))


def rotate_zoom(key: str, array: np.ndarray, degrees: float) -> np.ndarray:
    """Turn a sample's field counter-clockwise; the centre square without empty corners is enlarged to its old size.

    Args:
        key: name of the field; a trimap keeps its values 0, 0.5 and 1.
        array: uint8 [S, S, 3] or float32 [S, S] in [0, 1]; the result is of the same type, size and range.
        degrees: angle.
    """
    height, width = array.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    turned = cv2.warpAffine(array, matrix, (width, height), flags=cv2.INTER_NEAREST)
    angle = math.radians(degrees)
    share = 1 / (abs(math.cos(angle)) + abs(math.sin(angle)))
    rows, columns = round(height * share), round(width * share)
    top, left = (height - rows) // 2, (width - columns) // 2
    middle = turned[top : top + rows, left : left + columns]
    return resize_field(key, middle, height, width) if key == "trimap" else resize_legacy(middle, height, width)
