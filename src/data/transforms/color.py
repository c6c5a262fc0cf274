"""Transforms that change colours and sharpness; geometry stays. All work on uint8."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ...imaging import resize
from . import checks
from .registry import Sample, Transform, register
from .spatial import log_uniform

# FCC NTSC; its first row is the luma of ITU-R BT.601.
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
_SEPIA = np.array([-0.25, 0.05, 0.45])  # what a toned print adds to the exponents of red, green and blue
_BLURRED = ("image", "alpha")  # a trimap that is there already stays as it is


@register
@dataclass(frozen=True)
class ColorJitter(Transform):
    """Random brightness, contrast, saturation and hue.

    Args:
        brightness, contrast, saturation: x draws a factor from [1 - x, 1 + x]. Contrast acts about mid-grey.
        hue: x turns the hue by up to x of a full turn, to either side (in the chroma plane of YIQ).
        probability: of any change.
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.02
    probability: float = 1.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation", "probability"):
            checks.number(name, getattr(self, name), 0, 1)
        checks.number("hue", self.hue, 0, 0.5)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image', uint8 [H, W, 3], in other colours, or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        brightness, contrast, saturation = (
            1 + rng.uniform(-x, x) for x in (self.brightness, self.contrast, self.saturation)
        )
        turn = 2 * np.pi * rng.uniform(-self.hue, self.hue)
        # Brightness and contrast are linear too, so that all four are one 3x4 matrix and one pass.
        matrix = contrast * brightness * _chroma_matrix(saturation, turn)
        offset = np.full((3, 1), 127.5 * (1 - contrast))
        return {**sample, "image": cv2.transform(sample["image"], np.hstack([matrix, offset]))}


def _chroma_matrix(saturation: float, turn: float) -> np.ndarray:
    """Matrix RGB -> RGB, float64 [3, 3], with the chroma scaled and turned (radians) and the luma kept."""
    cos, sin = saturation * np.cos(turn), saturation * np.sin(turn)
    chroma = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return np.linalg.inv(_TO_YIQ) @ chroma @ _TO_YIQ


@register
@dataclass(frozen=True)
class RandomLight(Transform):
    """Another exposure curve, and light that falls off, and perhaps changes colour, across the image.

    Args:
        probability: of a change.
        gamma: [from, to] exponent of values in [0, 1], drawn evenly on a logarithmic scale; above 1 darkens.
        falloff: most that the light loses from one border to the opposite one, in any direction.
        mixed: most that red gains and blue loses at one border, as a share, and the reverse at the opposite one: a
            lamp on one side and a window on the other. 0 leaves the colours.
    """

    probability: float = 0.2
    gamma: tuple[float, float] = (0.6, 2.2)
    falloff: float = 0.6
    mixed: float = 0.0

    def __post_init__(self) -> None:
        checks.number("probability", self.probability, 0, 1)
        checks.number("falloff", self.falloff, 0, 1)
        checks.number("mixed", self.mixed, 0, 0.8)
        object.__setattr__(self, "gamma", checks.span("gamma", self.gamma, 0.1, 10))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image', uint8 [H, W, 3], in another light, or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        image, gamma = sample["image"], np.exp(rng.uniform(*np.log(self.gamma)))
        curve = (255 * (np.arange(256) / 255) ** gamma).astype(np.float32)
        height, width = image.shape[:2]
        angle, loss = rng.uniform(0, 2 * np.pi), rng.uniform(0, self.falloff)
        across, down = np.cos(angle) * np.linspace(-1, 1, width), np.sin(angle) * np.linspace(-1, 1, height)
        reach = abs(np.cos(angle)) + abs(np.sin(angle))
        plane = (across[None] + down[:, None]) / reach
        light = (1 - loss * (0.5 + 0.5 * plane))[..., None]
        if self.mixed:
            warmth = rng.uniform(0, self.mixed) * plane
            light = light * np.stack([1 + warmth, np.ones_like(plane), 1 - warmth], axis=2)
        return {**sample, "image": np.rint(np.minimum(curve[image] * light, 255)).astype(np.uint8)}


@register
@dataclass(frozen=True)
class RandomGray(Transform):
    """Replace the colours by their luma, in three equal channels or in the tone of old prints.

    Args:
        probability: of a change.
        sepia: share of these that are toned brown, more or less.
    """

    probability: float = 0.1
    sepia: float = 0.0

    def __post_init__(self) -> None:
        checks.number("probability", self.probability, 0, 1)
        checks.number("sepia", self.sepia, 0, 1)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image', uint8 [H, W, 3], without colours or in brown, or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        image = cv2.cvtColor(cv2.cvtColor(sample["image"], cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if self.sepia and rng.random() < self.sepia:
            # Black and white stay; the exponents warm what is between.
            tone = 1 + rng.uniform(0.3, 1) * _SEPIA
            image = cv2.LUT(image, np.rint(255 * (np.arange(256)[:, None] / 255) ** tone).astype(np.uint8)[None])
        return {**sample, "image": image}


@register
@dataclass(frozen=True)
class RandomLowResolution(Transform):
    """Shrink image and alpha alike and enlarge them again, as of a small photograph or a far one that was cropped.

    Args:
        probability: of a change.
        factor: [from, to] by which the sides shrink, drawn evenly on a logarithmic scale.
    """

    probability: float = 0.1
    factor: tuple[float, float] = (1.5, 4.0)

    def __post_init__(self) -> None:
        checks.number("probability", self.probability, 0, 1)
        object.__setattr__(self, "factor", checks.span("factor", self.factor, 1, 32))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image', uint8 [H, W, 3], and 'alpha', float32 [H, W] in [0, 1], of few details, or the sample."""
        if rng.random() >= self.probability:
            return sample
        height, width = sample["image"].shape[:2]
        factor = log_uniform(rng, *self.factor)
        small = max(1, round(height / factor)), max(1, round(width / factor))
        fields = {key: resize(resize(sample[key], *small), height, width) for key in _BLURRED if key in sample}
        if "alpha" in fields:
            fields["alpha"] = np.clip(fields["alpha"], 0, 1)
        return {**sample, **fields}


@register
@dataclass(frozen=True)
class RandomBlur(Transform):
    """Gaussian blur of image and alpha alike.

    Blurring alpha * F + (1 - alpha) * B blurs the alpha that explains the image, so the truth is blurred too.
    Put it before GenTrimap: a trimap that is there already stays as it is.

    Args:
        probability: of a change.
        sigma: [from, to] in pixels.
    """

    probability: float = 0.1
    sigma: tuple[float, float] = (0.3, 1.5)

    def __post_init__(self) -> None:
        checks.number("probability", self.probability, 0, 1)
        object.__setattr__(self, "sigma", checks.span("sigma", self.sigma, 0.05, 50))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image', uint8 [H, W, 3], and 'alpha', float32 [H, W] in [0, 1], blurred, or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        sigma = rng.uniform(*self.sigma)
        blurred = {key: cv2.GaussianBlur(sample[key], (0, 0), sigma) for key in _BLURRED if key in sample}
        if "alpha" in blurred:
            blurred["alpha"] = np.clip(blurred["alpha"], 0, 1)
        return {**sample, **blurred}


@register
@dataclass(frozen=True)
class RandomNoise(Transform):
    """Gaussian noise on the image, independent in pixels and channels.

    Args:
        probability: of a change.
        sigma: [from, to] in steps of 8-bit values.
    """

    probability: float = 0.1
    sigma: tuple[float, float] = (2, 10)

    def __post_init__(self) -> None:
        checks.number("probability", self.probability, 0, 1)
        object.__setattr__(self, "sigma", checks.span("sigma", self.sigma, 0, 100))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image', uint8 [H, W, 3], with noise, or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        image = sample["image"]
        # A table turns random bytes into noise, many times faster than drawing normal floats.
        table = np.rint(rng.uniform(*self.sigma) * _normal_bytes()).astype(np.int16)
        noise = cv2.LUT(rng.integers(0, 256, image.shape, np.uint8), table[None])
        return {**sample, "image": cv2.add(image, noise, dtype=cv2.CV_8U)}


@cache
def _normal_bytes() -> np.ndarray:
    """What turns random bytes into Gaussian noise, float64 [256].

    These are the normal distribution's quantiles in the middle of 256 equal shares.
    """
    from scipy.special import ndtri  # training has it; what only scores or mattes does without

    return ndtri((np.arange(256) + 0.5) / 256)


@register
@dataclass(frozen=True)
class RandomJPEG(Transform):
    """Compress the image as JPEG and decode it again.

    Args:
        probability: of a change.
        quality: [from, to] on the encoder's scale of 1 to 100.
    """

    probability: float = 0.2
    quality: tuple[float, float] = (40, 95)

    def __post_init__(self) -> None:
        checks.number("probability", self.probability, 0, 1)
        object.__setattr__(self, "quality", checks.span("quality", self.quality, 1, 100))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image', uint8 [H, W, 3], as JPEG would store it, or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        quality = round(rng.uniform(*self.quality))
        bgr = cv2.cvtColor(sample["image"], cv2.COLOR_RGB2BGR)
        _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return {**sample, "image": cv2.cvtColor(cv2.imdecode(coded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)}
