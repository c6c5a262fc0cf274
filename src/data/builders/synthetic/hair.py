"""Hair drawn strand by strand: ribbons of curves between two guide curves, and tufts that grow from the scalp.

All geometry is in head heights, (0, 0) in the middle of the face, y down; `place` maps it to pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, Patch
from .light import Light
from .noise import smooth_noise
from .shapes import between, spline

_SHADES = 7  # strands are drawn in this many batches of one shade each
_POINTS = 22  # along a strand
Place = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class HairLook:
    """What all parts of one person's hair share.

    Attributes:
        color: RGB in [0, 1].
        wave: amplitude in head heights of waves or curls, and `period` of them along the strand.
        frizz: how far single strands leave their neighbours, in head heights.
        density: strands per head height of a ribbon's width, at full size.
        flyaway: share of strands that stand off the outline.
        wind: sideways shift of the tips in head heights.
    """

    color: np.ndarray
    wave: float
    period: float
    frizz: float
    density: float
    flyaway: float
    wind: float

    @classmethod
    def random(cls, rng: np.random.Generator, color: np.ndarray) -> "HairLook":
        """Straight, wavy or curly hair of this colour, float RGB [3] in [0, 1]."""
        kind = rng.choice(["straight", "wavy", "curly"], p=[0.45, 0.37, 0.18])
        wave, period = {"straight": (0.008, 1.0), "wavy": (0.035, 0.5), "curly": (0.05, 0.2)}[str(kind)]
        wind = rng.normal(0, 0.35) if rng.random() < 0.25 else 0.0
        return cls(
            color,
            wave * rng.uniform(0.6, 1.4),
            period * rng.uniform(0.7, 1.4),
            rng.uniform(0.01, 0.05),
            rng.uniform(350, 650),
            rng.uniform(0.04, 0.2),
            float(wind),
        )


class HairBrush:
    """Paints the parts of one person's hair on a canvas; `unit` is the head height in its pixels."""

    def __init__(
        self, canvas: Canvas, place: Place, unit: float, look: HairLook, light: Light, rng: np.random.Generator
    ) -> None:
        self.canvas, self.place, self.unit, self.look, self.light, self.rng = canvas, place, unit, look, light, rng

    def ribbon(self, inner: np.ndarray, outer: np.ndarray, shadow: float = 1.0, loose: float = 1.0) -> None:
        """Hair that runs from root to tip between two guide curves, float [K, 2], of equally many points.

        `shadow` darkens the whole part (hair behind the neck), `loose` scales flyaways.
        """
        rng, look = self.rng, self.look
        inner, outer = self._blown(spline(inner, 12)), self._blown(spline(outer, 12))
        mass = between(inner, outer, np.linspace(0.02, 0.96, 9))
        ends = (mass.shape[1] * rng.uniform(0.72, 0.95, len(mass))).astype(int)
        tips = np.stack([line[end] for line, end in zip(mass, ends, strict=True)])
        outline = np.concatenate([mass[0, : ends[0]], tips, mass[-1, : ends[-1]][::-1], mass[1:-1, 0][::-1]])
        ragged = outline + rng.normal(0, 0.004, outline.shape)
        self._mass(ragged, shadow)
        width = float(np.linalg.norm(outer - inner, axis=1).mean())
        count = int(np.clip(width * self._density() * 1.5, 12, 1100))
        self._strands(self._waved(between(inner, outer, rng.beta(0.9, 0.9, count))), shadow, 0.9)
        stray = max(int(count * look.flyaway * loose * 0.5), 2)
        blend = np.where(rng.random(stray) < 0.75, 1 + rng.gamma(1.2, 0.05, stray), -rng.gamma(1.2, 0.03, stray))
        self._strands(self._waved(between(inner, outer, blend), 2.5), shadow, 0.55)

    def tuft(self, roots: np.ndarray, directions: np.ndarray, length: np.ndarray, shadow: float = 1.0) -> None:
        """Short hair, bent a little: a strand from each root along its direction, float [B, 2], `length` [B] long."""
        t = np.linspace(0, 1, _POINTS)[None, :, None]
        across = np.stack([-directions[:, 1], directions[:, 0]], 1)[:, None]
        bend = self.rng.normal(0, 0.18, (len(roots), 1, 1)) * across
        curves = roots[:, None] + length[:, None, None] * (directions[:, None] * t + bend * t**2)
        self._strands(self._waved(curves, 0.6), shadow, 0.75, fine=0.65)

    def mass(self, outline: np.ndarray, shadow: float = 1.0) -> None:
        """A closed body of hair with an outline, float [N, 2]; strands are the caller's business."""
        self._mass(outline, shadow)

    def _density(self) -> float:
        return self.look.density * min(self.unit / 260, 1.0) + 30

    def _mass(self, outline: np.ndarray, shadow: float) -> None:
        """Lay a body of hair, outline float [N, 2] in head heights, over what is there."""
        patch = self.canvas.polygon(self.place(outline), soft=0.006 * self.unit)
        self.canvas.over(patch, np.clip(self._color(patch) * (0.62 * shadow), 0, 1))

    def _color(self, patch: Patch) -> np.ndarray:
        """Colour field of a part, float RGB [h, w, 3]: relief light, locks, and a band of gloss."""
        h, w = patch.mask.shape
        if not h * w:
            return np.zeros((h, w, 3), np.float32)
        locks = smooth_noise(self.rng, h, w, (self.unit * 0.7, self.unit * 0.06))
        gloss = np.clip(smooth_noise(self.rng, h, w, (self.unit * 0.16, self.unit * 0.5)), 0, 1) ** 2
        light = self.light.on(patch, 0.7, locks)
        return self.look.color * light * (1 + 0.22 * locks[..., None]) + 0.09 * gloss[..., None] * light

    def _blown(self, guide: np.ndarray) -> np.ndarray:
        """A guide curve, float [N, 2], moved by the wind."""
        t = np.linspace(0, 1, len(guide))
        return guide + np.stack([self.look.wind * t**2, -0.25 * abs(self.look.wind) * t**2], 1)

    def _waved(self, curves: np.ndarray, wild: float = 1.0) -> np.ndarray:
        """Add waves, frizz and uneven lengths to strands, float [B, N, 2]; all grow from nothing at the root."""
        rng, look = self.rng, self.look
        count, points = curves.shape[:2]
        t = np.linspace(0, 1, points)[None, :]
        length = np.linalg.norm(np.diff(curves, axis=1), axis=2).sum(1)[:, None]
        lock = np.round(rng.uniform(0, 9, (count, 1)))  # strands of a lock wave together
        phase = lock * 2.4 + rng.normal(0, 0.5, (count, 1))
        wave = look.wave * np.minimum(t * 3, 1) * np.sin(2 * np.pi * t * length / look.period + phase)
        drift = np.cumsum(rng.normal(0, 1, (count, points)), 1) / points**0.5
        offset = wave + wild * look.frizz * drift * t + rng.normal(0, 0.3 * look.frizz, (count, 1)) * t
        lift = 0.5 * wild * look.frizz * rng.normal(0, 1, (count, 1)) * t
        waved = curves + np.stack([offset, lift + 0 * offset], 2)
        keep = np.maximum((points * rng.uniform(0.72, 1.0, count)).astype(int), 4)
        index = np.minimum(np.arange(points)[None], keep[:, None] - 1)  # a strand cut short ends in equal points
        return np.take_along_axis(waved, index[..., None], 1)

    def _strands(self, curves: np.ndarray, shadow: float, opacity: float, fine: float = 1.0) -> None:
        """Draw strands, float [B, N, 2] in head heights, in batches of one shade each."""
        rng = self.rng
        flat = self.place(curves.reshape(-1, 2)).reshape(curves.shape)
        thickness = float(np.clip(self.unit * 0.003 * fine, 0.3, 3))
        batch = rng.integers(0, _SHADES, len(flat))
        whole = self.canvas.lines(flat, 1.5 * thickness)
        field = self._color(whole)
        for k in rng.permutation(_SHADES):
            if (batch == k).any():
                patch = self.canvas.lines(flat[batch == k], thickness * rng.uniform(0.7, 1.3)).times(opacity)
                shade = shadow * (0.55 + 0.95 * k / (_SHADES - 1))
                self.canvas.over(patch, np.clip(patch.crop(whole, field) * np.float32(shade), 0, 1))
