"""What is behind the person: float32 RGB [H, W, 3] in [0, 1], from studio walls to streets and clutter."""

import cv2
import numpy as np

from . import indoors, outdoors
from .noise import octaves, ramp, smooth_noise

KINDS = {
    indoors.studio: 1.5,
    indoors.room: 2.5,
    indoors.shelf: 1.0,
    outdoors.street: 2.5,
    outdoors.bricks: 1.0,
    outdoors.foliage: 2.0,
    outdoors.lights: 1.0,
    outdoors.landscape: 1.5,
    indoors.clutter: 1.5,
    indoors.curtain: 0.8,
    indoors.cloud: 0.8,
}


def background(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A random place with dirt and uneven light, perhaps out of focus; float RGB [height, width, 3] in [0, 1]."""
    odds = np.array(list(KINDS.values()))
    place = list(KINDS)[rng.choice(len(KINDS), p=odds / odds.sum())]
    side = min(height, width)
    image = place(rng, height, width)
    if rng.random() < 0.5:
        image = image * (1 + 0.06 * octaves(rng, height, width, side / rng.uniform(4, 60), 3))[..., None]
    defocus = side * rng.choice([0.0, rng.uniform(0.001, 0.006), rng.uniform(0.006, 0.04)], p=[0.3, 0.35, 0.35])
    image = blurred(image.astype(np.float32), float(defocus))
    light = 0.75 + 0.5 * ramp(height, width, rng.uniform(0, 2 * np.pi)) * rng.random()
    image *= light[..., None] * (1 + 0.12 * smooth_noise(rng, height, width, side * 0.7))[..., None]
    return np.clip(image * rng.uniform(0.7, 1.45), 0, 1)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of float32 [H, W] or [H, W, 3]; wide ones at reduced size, where they cost no more."""
    if sigma < 0.4:
        return image
    height, width = image.shape[:2]
    factor = max(int(sigma / 3), 1)
    if factor > 1:
        small = cv2.resize(image, (max(width // factor, 1), max(height // factor, 1)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(image, (0, 0), sigma)
