"""Transforms that move pixels: image, alpha, trimap and foreground always together."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ...common.errors import DataError
from ...imaging import crop_reflect, long_side_size, nearest_multiple, resize, short_side_size
from . import checks
from .registry import Sample, Transform, register

_MULTIPLE = 32


def resize_field(key: str, array: np.ndarray, height: int, width: int, interp: str = "area") -> np.ndarray:
    """Resize a sample's field: a trimap by nearest pixel (its values stay 0, 0.5, 1), all else as `resize` does.

    Args:
        key: name of the field: 'image', 'alpha', 'trimap' or 'foreground'.
        array: uint8 [H, W, 3] or float32 [H, W] in [0, 1]; the result is of the same type and range.
        height: rows of the result.
        width: columns of the result.
        interp: 'area' (bilinear where it enlarges) or 'linear'.
    """
    if key == "trimap":
        return cv2.resize(array, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    if interp == "linear":
        resized = cv2.resize(array, (width, height), interpolation=cv2.INTER_LINEAR)
    else:
        resized = resize(array, height, width)
    if key == "alpha" and resized is not array:
        # Averaging float32 ones can end a few units in the last place above 1; never below 0.
        np.minimum(resized, 1, out=resized)
    return resized


def move_all(sample: Sample, move: Callable[[str, np.ndarray], np.ndarray]) -> Sample:
    """Apply `move(key, array)` to every pixel field that the sample holds.

    Fields are uint8 [H, W, 3] (image, foreground) and float32 [H, W] in [0, 1] (alpha, trimap), before and after.

    Raises:
        DataError: the fields are not all of one size afterwards.
    """
    moved = {key: move(key, sample[key]) for key in checks.PIXEL_KEYS if key in sample}
    shapes = {array.shape[:2] for array in moved.values()}
    if len(shapes) > 1:
        raise DataError(
            f"Image, alpha and trimap of '{sample.get('name')}' are no longer of one size ({sorted(shapes)}): a resize "
            "with `gt_field: []` moves the image alone and must not be followed by a crop, flip or another resize."
        )
    return {**sample, **moved}


def occupied(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows and of the columns in which a mask, bool [H, W], holds anywhere."""
    return np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))


def flipped(array: np.ndarray) -> np.ndarray:
    """Left and right swapped: uint8 or float32, [H, W] or [H, W, C], of any range."""
    return cv2.flip(array, 1)


@register
@dataclass(frozen=True)
class Resize(Transform):
    """Resize to one size, whatever the aspect.

    Args:
        gt_field: [] resizes the image alone (the alpha stays at the source's size, as validation wants it);
            anything else moves every field.
        target_size: [width, height].
        interp: 'area' (bilinear where it enlarges) or 'linear'.
    """

    gt_field: tuple[str, ...] = ("alpha",)
    target_size: tuple[int, int] = (512, 512)
    interp: str = "area"

    def __post_init__(self) -> None:
        object.__setattr__(self, "gt_field", checks.fields("gt_field", self.gt_field))
        object.__setattr__(self, "target_size", checks.size("target_size", self.target_size))
        checks.check_choice("interp", self.interp, ("area", "linear"))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give image, alpha and trimap as [h, w] of `target_size`; see `gt_field`."""
        width, height = self.target_size
        return _resized(sample, height, width, self.gt_field, self.interp)


@dataclass(frozen=True)
class _ResizeBySide(Transform):
    """Resize so that one side is `ref_size`, both sides rounded to the nearest multiple of 32.

    Args:
        gt_field, interp: as for `Resize`.
        ref_size: in pixels.
    """

    gt_field: tuple[str, ...] = ("alpha",)
    ref_size: int = 512
    interp: str = "area"

    def __post_init__(self) -> None:
        object.__setattr__(self, "gt_field", checks.fields("gt_field", self.gt_field))
        checks.whole("ref_size", self.ref_size, 1)
        checks.check_choice("interp", self.interp, ("area", "linear"))

    @staticmethod
    @abstractmethod
    def size(height: int, width: int, ref_size: int, multiple: int) -> tuple[int, int]:
        """(height, width) for an image of such a size."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give image, alpha and trimap with that side about `ref_size`; see `gt_field`."""
        full_height, full_width = sample["image"].shape[:2]
        height, width = self.size(full_height, full_width, self.ref_size, _MULTIPLE)
        return _resized(sample, height, width, self.gt_field, self.interp)


@register
class ResizeByShort(_ResizeBySide):
    """Resize so that the shorter side is `ref_size`; arguments as for `ResizeByLong`."""

    size = staticmethod(short_side_size)


@register
class ResizeByLong(_ResizeBySide):
    """Resize so that the longer side is `ref_size`; arguments as for `ResizeByShort`."""

    size = staticmethod(long_side_size)


def _resized(sample: Sample, height: int, width: int, gt_field: tuple[str, ...], interp: str) -> Sample:
    if not gt_field:
        return {**sample, "image": resize_field("image", sample["image"], height, width, interp)}
    return move_all(sample, lambda key, array: resize_field(key, array, height, width, interp))


@register
@dataclass(frozen=True)
class RandomScale(Transform):
    """Resize by a random factor, the same for both sides.

    Args:
        gt_field: accepted; every field is moved.
        scale: [from, to], drawn evenly on a logarithmic scale, so that 1/2 and 2 are equally likely.
    """

    gt_field: tuple[str, ...] = ("alpha",)
    scale: tuple[float, float] = (0.75, 1.5)

    def __post_init__(self) -> None:
        checks.fields("gt_field", self.gt_field)
        object.__setattr__(self, "scale", checks.span("scale", self.scale, 0.05, 20))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give every pixel field as [h, w], both sides scaled by one factor."""
        factor = log_uniform(rng, *self.scale)
        height, width = (nearest_multiple(side * factor, 1) for side in sample["image"].shape[:2])
        return move_all(sample, lambda key, array: resize_field(key, array, height, width))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number from `low` to `high` (above 0), drawn evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


@register
@dataclass(frozen=True)
class RandomCrop(Transform):
    """Cut a window at a random place; the result is always exactly of the size asked for.

    An image smaller than the window is mirrored at its borders (person, alpha and trimap alike, so that they
    still belong together), at a random place too.

    Args:
        gt_field: accepted; every field is moved.
        crop_size: [width, height], or a list of such sizes of which one is drawn.
    """

    gt_field: tuple[str, ...] = ("alpha",)
    crop_size: tuple[tuple[int, int], ...] = ((512, 512), (768, 768), (1024, 1024))

    def __post_init__(self) -> None:
        checks.fields("gt_field", self.gt_field)
        object.__setattr__(self, "crop_size", checks.sizes("crop_size", self.crop_size))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give every pixel field of a window, [height, width] of one of `crop_size`."""
        # Images of one step must be of one size, so the step draws it where there is one.
        draw = sample.get("batch_draw", rng.random())
        width, height = self.crop_size[int(draw * len(self.crop_size))]
        full_height, full_width = sample["image"].shape[:2]
        top, left = _place(rng, full_height, height), _place(rng, full_width, width)
        return move_all(sample, lambda _, array: np.ascontiguousarray(crop_reflect(array, top, left, height, width)))


def _place(rng: np.random.Generator, full: int, window: int) -> int:
    """Start of a window inside the image, or (negative) round it where the window is the larger one."""
    spare = full - window
    return int(rng.integers(min(spare, 0), max(spare, 0) + 1))


@register
@dataclass(frozen=True)
class RandomHorizontalFlip(Transform):
    """Swap left and right, with image, alpha and trimap (the zoo's own leaves the trimap behind).

    Args:
        gt_field: accepted; every field is moved.
        probability: of a flip.
    """

    gt_field: tuple[str, ...] = ("alpha",)
    probability: float = 0.5

    def __post_init__(self) -> None:
        checks.fields("gt_field", self.gt_field)
        checks.number("probability", self.probability, 0, 1)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give every pixel field mirrored, or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        return move_all(sample, lambda _, array: flipped(array))
