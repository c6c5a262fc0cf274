"""A portrait from a seed: persons before a background, as a camera sees them, with the exact alpha."""

from dataclasses import dataclass

import cv2
import numpy as np

from .background import background, blurred
from .camera import Camera
from .canvas import Canvas
from .light import Light
from .person import Stand, paint_person

_SAMPLES = 2  # drawn pixels along each side of a final one


@dataclass(frozen=True)
class Scene:
    """Layers of an image, float32 in [0, 1]: image = `foreground` + `backdrop` * (1 - `alpha`).

    Attributes:
        foreground: [H, W, 3] RGB, premultiplied by alpha.
        alpha: [H, W].
        backdrop: [H, W, 3] RGB, opaque.
    """

    foreground: np.ndarray
    alpha: np.ndarray
    backdrop: np.ndarray

    def composite(self) -> np.ndarray:
        """The image before the camera, float32 RGB [H, W, 3] in [0, 1]."""
        return self.foreground + self.backdrop * (1 - self.alpha[..., None])


def scene(seed: int, index: int, height: int, width: int) -> Scene:
    """Image number `index` of the series `seed`, before the camera; sizes in pixels."""
    rng = np.random.default_rng([seed, index])
    light = Light.random(rng)
    canvas = Canvas(height * _SAMPLES, width * _SAMPLES)
    for stand in _stands(rng, height * _SAMPLES, width * _SAMPLES):
        paint_person(canvas, stand, light, rng)
    foreground, alpha = canvas.reduced(_SAMPLES)
    softness = max(rng.normal(0, 0.0012), 0) * min(height, width)
    foreground, alpha = blurred(foreground, softness), np.clip(blurred(alpha, softness), 0, 1)
    backdrop = background(rng, height, width)
    if rng.random() < 0.5:
        backdrop = _with_shadow(rng, backdrop, alpha)
    return Scene(foreground, alpha, backdrop)


def portrait(seed: int, index: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Image number `index` of the series `seed`: image uint8 [H, W, 3] RGB, alpha float32 [H, W] in [0, 1].

    The same numbers give the same bits; sizes in pixels, from 32 on.
    """
    layers = scene(seed, index, height, width)
    rng = np.random.default_rng([seed, index, 1])
    return Camera.random(rng).shoot(rng, layers.composite()), layers.alpha


def _stands(rng: np.random.Generator, height: int, width: int) -> list[Stand]:
    """Where the persons stand: from full figure to head and shoulders, sometimes two of them, nearer one last."""
    low, high = ((0.1, 0.125), (0.14, 0.24), (0.26, 0.42), (0.4, 0.55))[rng.choice(4, p=[0.15, 0.25, 0.35, 0.25])]
    unit = min(rng.uniform(low, high) * height, 0.62 * width)
    two = rng.random() < 0.15 and unit < 0.35 * width
    spots = [rng.uniform(0.28, 0.4), rng.uniform(0.6, 0.72)] if two else [np.clip(rng.normal(0.5, 0.1), 0.2, 0.8)]
    if two and rng.random() < 0.5:
        spots.reverse()
    top = rng.uniform(0.25, 0.75) * unit + (rng.uniform(0, 0.06) * height if unit < 0.3 * height else 0)
    stands = []
    for x in spots:
        own = unit * (rng.uniform(0.85, 1.05) if two else 1.0)
        y = min(top + 0.5 * own * rng.uniform(0.95, 1.25), 0.62 * height)
        stands.append(Stand(x * width, y, own, rng.normal(0, 0.04)))
    return stands


def _with_shadow(rng: np.random.Generator, backdrop: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """A backdrop, float [H, W, 3], with the soft shadow of the person, alpha float32 [H, W] in [0, 1]."""
    height, width = alpha.shape
    dx, dy = rng.normal(0, 0.08) * width, rng.uniform(-0.01, 0.06) * height
    cast = blurred(alpha, rng.uniform(0.008, 0.05) * min(height, width))
    moved = cv2.warpAffine(cast, np.array([[1, 0, dx], [0, 1, dy]]), (width, height), borderMode=cv2.BORDER_REPLICATE)
    return backdrop * (1 - rng.uniform(0.15, 0.6) * moved[..., None])
