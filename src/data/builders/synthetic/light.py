"""Light on rounded shapes, and the colours it falls on. Colours are float32 RGB in [0, 1]."""

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import Patch
from .noise import smooth_noise

_RELIEF_SIDE = 128  # relief is worked out on a grid of at most this many cells a side

SKINS = np.array([(255, 224, 200), (244, 205, 176), (232, 190, 158), (224, 172, 138), (206, 152, 116), (184, 128, 92),
                  (158, 104, 72), (128, 82, 56), (98, 62, 44), (72, 46, 34)], np.float32) / 275  # fmt: skip
HAIRS = np.array([(18, 15, 14), (30, 22, 18), (48, 33, 24), (72, 48, 32), (98, 64, 38), (128, 84, 46), (168, 122, 70),
                  (206, 166, 108), (226, 198, 150), (120, 44, 22), (150, 66, 30), (140, 138, 136), (198, 196, 194),
                  (150, 40, 80), (60, 80, 150), (200, 110, 140)], np.float32) / 255  # fmt: skip
_HAIR_ODDS = np.array([9, 9, 8, 7, 6, 5, 5, 5, 3, 3, 3, 2, 2, 0.5, 0.5, 0.5])


def pick_hair(rng: np.random.Generator) -> np.ndarray:
    """A hair colour, float32 RGB [3] in [0, 1], natural ones far more often than dyed ones."""
    return jitter(rng, HAIRS[rng.choice(len(HAIRS), p=_HAIR_ODDS / _HAIR_ODDS.sum())], 0.02)


def pick_skin(rng: np.random.Generator) -> np.ndarray:
    """A skin colour, float32 RGB [3] in [0, 1], all tones equally often."""
    return jitter(rng, SKINS[rng.integers(len(SKINS))], 0.025)


def jitter(rng: np.random.Generator, color: np.ndarray, amount: float) -> np.ndarray:
    """A colour near `color`, float RGB [3] in [0, 1]: normal noise with a deviation of `amount` per channel."""
    return np.clip(color + rng.normal(0, amount, 3), 0.01, 1).astype(np.float32)


def any_color(rng: np.random.Generator) -> np.ndarray:
    """A colour of cloth, walls and things, float32 RGB [3] in [0, 1]: dull tones more often than bright ones."""
    hue, value = rng.uniform(0, 360), rng.beta(1.3, 1.2) * 0.9 + 0.05
    saturation = rng.beta(1.1, 2.2) if rng.random() < 0.8 else rng.uniform(0, 0.08)
    hsv = np.array([[[hue, saturation, value]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]


@dataclass(frozen=True)
class Light:
    """One key light and the light from all around; `direction` is a unit vector (right, down, to the viewer)."""

    direction: np.ndarray
    key: np.ndarray
    ambient: np.ndarray
    rim: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Light":
        """Any light from above and in front."""
        toward = np.array([rng.uniform(-1, 1), rng.uniform(-1, 0.2), rng.uniform(0.5, 1.5)])
        warmth, share = rng.normal(0, 0.06), rng.uniform(0.25, 0.7)
        key = np.array([1 + warmth, 1.0, 1 - warmth]) * (1 - share) * rng.uniform(1.05, 1.4)
        ambient = np.array([1 - warmth / 2, 1.0, 1 + warmth / 2]) * share
        rim = rng.choice([0, 0, rng.uniform(0.1, 0.5)])
        return cls(toward / np.linalg.norm(toward), key.astype(np.float32), ambient.astype(np.float32), float(rim))

    def on(self, patch: Patch, roundness: float = 1.0, bumps: np.ndarray | None = None) -> np.ndarray:
        """Light, float32 RGB [h, w, 3], on a shape that is thought of as inflated to `roundness` of its half width.

        `bumps` [h, w] in about [-1, 1] is added to the relief: folds, locks, wrinkles.
        """
        h, w = patch.mask.shape
        if not h * w:
            return np.zeros((h, w, 3), np.float32)
        scale = min(_RELIEF_SIDE / max(h, w), 1.0)
        gh, gw = max(round(h * scale), 4), max(round(w * scale), 4)
        mask = cv2.resize(patch.mask, (gw, gh), interpolation=cv2.INTER_AREA)
        depth = cv2.distanceTransform((mask > 0.4).astype(np.uint8), cv2.DIST_L2, 5)
        half = max(float(depth.max()), 1.0)
        relief = roundness * half * np.sin(np.pi / 2 * depth / half)
        relief = cv2.GaussianBlur(relief, (0, 0), max(0.12 * half, 0.8))
        if bumps is not None:
            relief += half * 0.15 * cv2.resize(bumps, (gw, gh), interpolation=cv2.INTER_AREA)
        shade = self._lambert(relief.astype(np.float32))
        shade = cv2.resize(shade, (w, h), interpolation=cv2.INTER_LINEAR)
        return shade[..., None] * self.key + self.ambient

    def _lambert(self, relief: np.ndarray) -> np.ndarray:
        """Key light, float32 [h, w], on a relief, float32 [h, w]: what faces the light is bright."""
        dx = cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=1 / 8)
        dy = cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=1 / 8)
        length = np.sqrt(dx * dx + dy * dy + 1)
        x, y, z = self.direction
        facing = (-dx * x - dy * y + z) / length
        return np.maximum(facing, 0) + self.rim * (1 - 1 / length) ** 2 * (facing < 0.5)


def skin_texture(rng: np.random.Generator, patch: Patch, tone: np.ndarray, unit: float) -> np.ndarray:
    """Skin, float RGB [h, w, 3]: blotches of slightly redder and paler tone; `unit` is the head's height in pixels."""
    h, w = patch.mask.shape
    blotch = smooth_noise(rng, h, w, unit / 6)[..., None]
    return tone * (1 + blotch * np.array([0.03, 0.05, 0.06], np.float32))
