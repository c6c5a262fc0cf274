"""Cloth: colours, patterns and folds of a garment."""

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import Canvas, Patch
from .light import Light, any_color, jitter
from .noise import octaves, smooth_noise

PATTERNS = ("plain", "plain", "plain", "stripes", "checks", "dots", "flowers", "knit", "denim", "camouflage", "print")


@dataclass(frozen=True)
class Fabric:
    """`scale` is the pattern's period in head heights, `folds` the depth of the creases."""

    pattern: str
    colors: tuple[np.ndarray, np.ndarray, np.ndarray]
    scale: float
    angle: float
    folds: float

    @classmethod
    def random(cls, rng: np.random.Generator, pattern: str | None = None) -> "Fabric":
        """Any cloth, of this pattern where one is given."""
        pattern = pattern or str(rng.choice(PATTERNS))
        first = any_color(rng)
        if pattern == "denim":
            first = jitter(rng, np.array([0.2, 0.28, 0.42], np.float32) * rng.uniform(0.6, 1.6), 0.02)
        scale = rng.uniform(0.1, 0.45)
        angle = rng.choice([0.0, np.pi / 2, rng.uniform(-0.8, 0.8)])
        return cls(pattern, (first, any_color(rng), any_color(rng)), scale, float(angle), rng.uniform(0.2, 1.2))

    def paint(
        self,
        canvas: Canvas,
        patch: Patch,
        light: Light,
        rng: np.random.Generator,
        unit: float,
        along: float = np.pi / 2,
        roundness: float = 0.8,
    ) -> None:
        """Lay the cloth over a canvas; `along` is the direction that the folds run in."""
        h, w = patch.mask.shape
        if h * w:
            folds = folds_of(rng, h, w, unit, along)
            shade = light.on(patch, roundness, folds * self.folds) * (1 + 0.06 * self.folds * folds)[..., None]
            canvas.over(patch, np.clip(self._color(rng, patch, unit, folds, along) * shade, 0, 1))

    def _color(
        self, rng: np.random.Generator, patch: Patch, unit: float, folds: np.ndarray, along: float
    ) -> np.ndarray:
        """Colours of the cloth before light falls on it, float RGB [h, w, 3]; `folds` is float [h, w]."""
        h, w = patch.mask.shape
        y, x = np.mgrid[:h, :w].astype(np.float32)
        turn = self.angle + along - np.pi / 2
        c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        period = np.float32(self.scale * unit)
        u = ((x + patch.left) * c + (y + patch.top) * s) / period + 0.12 * folds
        v = ((y + patch.top) * c - (x + patch.left) * s) / period + 0.12 * folds
        mix = self._mix(rng, u, v, unit)
        first, second, third = self.colors
        base = first + (second - first) * mix[..., None]
        if self.pattern in ("print", "camouflage", "flowers"):
            base = base + (third - base) * _soft_step(6 * octaves(rng, h, w, float(period * 1.3), 3) - 1.2)[..., None]
        return base

    def _mix(self, rng: np.random.Generator, u: np.ndarray, v: np.ndarray, unit: float) -> np.ndarray:
        """Share of the second colour, float [h, w] in [0, 1], at pattern coordinates u, v, float [h, w]."""
        h, w = u.shape
        grain = rng.standard_normal((h, w), np.float32)
        if self.pattern == "stripes":
            return _soft_step(np.sin(2 * np.pi * u))
        if self.pattern == "checks":
            return (_soft_step(np.sin(2 * np.pi * u)) + _soft_step(np.sin(2 * np.pi * v))) / 2
        if self.pattern in ("dots", "flowers"):
            du, dv = u - np.round(u), v - np.round(v)
            petals = 1 + 0.3 * np.sin(5 * np.arctan2(dv, du)) if self.pattern == "flowers" else 1
            return _soft_step((0.3 * petals - np.sqrt(du * du + dv * dv)) * 12)
        if self.pattern == "knit":
            return np.clip(0.25 + 0.2 * np.sin(12 * np.pi * v + 2 * np.abs((6 * u) % 2 - 1)), 0, 1) * 0.5
        if self.pattern == "denim":
            return np.clip(0.15 + 0.06 * cv2.blur(grain, (3, 3)) * 3 + 0.15 * octaves(rng, h, w, unit, 3), 0, 1)
        if self.pattern in ("camouflage", "print"):
            return _soft_step(6 * octaves(rng, h, w, self.scale * unit * 1.5, 3))
        return np.clip(0.03 + 0.015 * grain, 0, 1)


def folds_of(rng: np.random.Generator, h: int, w: int, unit: float, along: float) -> np.ndarray:
    """Creases of a cloth as a height field, float32 [h, w] in about [-1, 1], running in the direction `along`."""
    lean = along - np.pi / 2 + rng.normal(0, 0.35)
    long = smooth_noise(rng, h, w, (unit * 0.55, unit * 0.16), lean)
    cross = smooth_noise(rng, h, w, (unit * 0.5, unit * 0.1), lean + rng.choice([-1, 1]) * rng.uniform(0.5, 1.2))
    return 0.45 * long + 0.35 * cross + 0.3 * octaves(rng, h, w, unit / 3, 3)


def _soft_step(field: np.ndarray) -> np.ndarray:
    """0 to 1 where a field, float [h, w], crosses zero, with an edge that anti-aliases."""
    return np.clip(0.5 + 2 * field, 0, 1)
