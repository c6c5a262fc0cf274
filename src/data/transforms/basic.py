"""What every configuration has: loading, the trimap, and the last steps to the network's input."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...common.errors import ConfigError
from ...imaging import (
    check_same_size,
    decode_alpha,
    decode_image,
    make_trimap,
    normalize,
    read_file,
    resize,
    to_channels_first,
    unit_alpha,
)
from . import checks
from .registry import Sample, Transform, register

_TRIMAP_REFERENCE = 512


@register
@dataclass(frozen=True)
class LoadImages(Transform):
    """Decode sample['image_path'] and sample['alpha_path'] to 'image' (uint8 [H, W, 3]) and 'alpha' (float32 [H, W]).

    The files' content is taken from 'image_bytes' and 'alpha_bytes' where a sample has it. What it already holds as
    pixels is left alone. Image and alpha must be of one size, upright.

    Args:
        gt_field: ['alpha'], or [] to leave the alpha unread; an unlabelled sample, without 'alpha_path', has none.
        trans_to_rgb: False leaves the channels in OpenCV's order, BGR.
        reduce_to: shorter side that later steps need. A JPEG is then decoded at 1/2, 1/4 or 1/8 of its size, as
            long as its shorter side stays at least this: several times faster. The alpha is brought to the same
            size, rounded to its steps. For training only: validation compares with the alpha of the source size.
    """

    gt_field: tuple[str, ...] = ("alpha",)
    trans_to_rgb: bool = True
    reduce_to: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "gt_field", checks.fields("gt_field", self.gt_field, ("alpha",)))
        checks.flag("trans_to_rgb", self.trans_to_rgb)
        if self.reduce_to is not None:
            checks.whole("reduce_to", self.reduce_to, 1)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give the sample with its pixels: 'image' uint8 [H, W, 3] and 'alpha' float32 [H, W] in [0, 1]."""
        sample = dict(sample)
        full_size = None
        if "image" not in sample:
            image, full_size = decode_image(*_content(sample, "image"), self.reduce_to)
            sample["image"] = image if self.trans_to_rgb else np.ascontiguousarray(image[..., ::-1])
        if "alpha" in self.gt_field and "alpha" not in sample and "alpha_path" in sample:
            stored = decode_alpha(*_content(sample, "alpha"), sample.get("alpha_allow_rgb", False))
            size = sample["image"].shape[:2]
            paths = sample.get("image_path", sample.get("name")), sample["alpha_path"]
            check_same_size(full_size or size, stored, paths)
            # Resized as integers: a third of the time that float32 takes at full size.
            sample["alpha"] = unit_alpha(resize(stored, *size))
        return sample


def _content(sample: Sample, key: str) -> tuple[bytes, str]:
    """A field's encoded image, and the path that messages name it by; taken out of the sample."""
    path = sample[f"{key}_path"]
    data = sample.pop(f"{key}_bytes", None)
    return (read_file(path) if data is None else data), path


@register
@dataclass(frozen=True)
class GenTrimap(Transform):
    """Add sample['trimap'], float32 [H, W] of 0, 0.5 and 1, by distance transform from the alpha.

    Unknown is every soft pixel and a margin on both sides of it, whose two widths are drawn for each sample.

    Args:
        gt_field: accepted as in the zoo; the trimap is always made from 'alpha'.
        alpha_size: the widths are meant for images of this size, and scale with it (512: as they are).
        max_value: 1 or 255, accepted as in the zoo; the trimap's values are 0, 0.5 and 1 either way.
        foreground_px, background_px: [from, to] or one number: margin inside and outside of the person, in
            pixels. The default covers the zoo's morphology with kernels of 15 to 30 pixels.
    """

    reads_alpha: ClassVar[bool] = True
    gt_field: tuple[str, ...] = ("alpha",)
    alpha_size: int = _TRIMAP_REFERENCE
    max_value: int = 1
    foreground_px: tuple[float, float] = (7, 15)
    background_px: tuple[float, float] = (7, 15)

    def __post_init__(self) -> None:
        checks.fields("gt_field", self.gt_field)
        checks.whole("alpha_size", self.alpha_size, 1)
        if self.max_value not in (1, 255):
            raise ConfigError(f"`max_value` must be 1 or 255, got {self.max_value!r}.")
        for name in ("foreground_px", "background_px"):
            object.__setattr__(self, name, checks.span(name, getattr(self, name), 0, 1000))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give the sample with 'trimap', float32 [H, W], beside 'alpha', float32 [H, W] in [0, 1]."""
        scale = self.alpha_size / _TRIMAP_REFERENCE
        inside, outside = rng.uniform(*self.foreground_px), rng.uniform(*self.background_px)
        return {**sample, "trimap": make_trimap(sample["alpha"], inside * scale, outside * scale)}


@register
@dataclass(frozen=True)
class Normalize(Transform):
    """sample['image']: uint8 -> float32, (value / 255 - mean) / std. Alpha and trimap are in [0, 1] already.

    Args:
        gt_field: accepted as in the zoo, where the alpha becomes float only here.
        mean, std: for red, green and blue in [0, 1].
    """

    gt_field: tuple[str, ...] = ("alpha",)
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        checks.fields("gt_field", self.gt_field)
        object.__setattr__(self, "mean", checks.triple("mean", self.mean, 0, 1))
        object.__setattr__(self, "std", checks.triple("std", self.std, 1e-3, 10))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image' as float32 [H, W, 3] in place of uint8 [H, W, 3]."""
        return {**sample, "image": normalize(sample["image"], self.mean, self.std)}


@register
@dataclass(frozen=True)
class Transpose(Transform):
    """Channels first: [H, W, C] -> [C, H, W] and [H, W] -> [1, H, W], contiguous.

    Args:
        trans_list: fields with channels.
        unsqueeze_list: fields without; those that are not there are passed over.
    """

    trans_list: tuple[str, ...] = ("image",)
    unsqueeze_list: tuple[str, ...] = ("alpha", "trimap")

    def __post_init__(self) -> None:
        object.__setattr__(self, "trans_list", checks.fields("trans_list", self.trans_list))
        object.__setattr__(self, "unsqueeze_list", checks.fields("unsqueeze_list", self.unsqueeze_list))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give contiguous fields with the channels first; their types stay."""
        sample = dict(sample)
        for key in self.trans_list:
            sample[key] = to_channels_first(sample[key])
        for key in self.unsqueeze_list:
            if key in sample:
                sample[key] = np.ascontiguousarray(sample[key])[None]
        return sample
