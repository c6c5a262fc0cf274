"""A head: skull, ears, face. Geometry in head heights, (0, 0) in the middle of the face, y down."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .light import Light, jitter, skin_texture
from .shapes import ellipse, mirror, spline

Place = Callable[[np.ndarray], np.ndarray]
Color = np.ndarray | tuple[float, float, float]

_FACE = np.array([(0, -0.5), (-0.2, -0.472), (-0.325, -0.34), (-0.372, -0.12), (-0.355, 0.1), (-0.295, 0.3),
                  (-0.165, 0.455), (0, 0.5)])  # fmt: skip


@dataclass(frozen=True)
class HeadLook:
    """The numbers of one face; lengths in head heights."""

    skin: np.ndarray
    width: float
    jaw: float
    eye: float
    smile: float
    open_mouth: float
    lips: np.ndarray
    iris: np.ndarray
    brow: np.ndarray
    glance: tuple[float, float]
    makeup: float

    @classmethod
    def random(cls, rng: np.random.Generator, skin: np.ndarray, hair: np.ndarray) -> "HeadLook":
        """Any face with this skin and hair; colours are float RGB [3] in [0, 1]."""
        red = np.array([0.72, 0.22, 0.24], np.float32)
        made_up = float(rng.random() < 0.35)
        lips = skin * np.array([0.88, 0.62, 0.62]) * (1 - 0.6 * made_up) + red * 0.6 * made_up
        iris = np.array([(0.24, 0.14, 0.08), (0.36, 0.24, 0.12), (0.3, 0.4, 0.5), (0.3, 0.4, 0.28)])[rng.integers(4)]
        return cls(
            skin,
            rng.uniform(0.9, 1.08),
            rng.uniform(0.82, 1.15),
            rng.uniform(0.85, 1.2),
            rng.normal(0.25, 0.5),
            max(rng.normal(-0.01, 0.025), 0.0),
            jitter(rng, lips, 0.03),
            jitter(rng, iris, 0.03),
            np.clip(hair * 0.75, 0, 1),
            (rng.normal(0, 0.012), rng.normal(0, 0.006)),
            made_up,
        )


class HeadPainter:
    """Paints one head on a canvas; `place` maps head heights to pixels, `unit` is the head height in pixels."""

    def __init__(self, canvas: Canvas, place: Place, unit: float, look: HeadLook, yaw: float, light: Light,
                 rng: np.random.Generator) -> None:  # fmt: skip
        self.canvas, self.place, self.unit, self.look = canvas, place, unit, look
        self.yaw, self.light, self.rng = yaw, light, rng

    def outline(self) -> np.ndarray:
        """Outline of face and skull, float64 [N, 2]; a turned head is narrower in front and longer behind."""
        half = _FACE * (self.look.width, 1)
        half[4:7, 0] *= self.look.jaw
        points = mirror(half[:-1])
        points[:, 0] += self.yaw * 0.07 * np.clip(points[:, 1] + 0.1, -0.3, 0.6)
        return spline(points, 8, closed=True)

    def turned(self, points: np.ndarray) -> np.ndarray:
        """Where features of a face that looks straight ahead, float [..., 2], go when the head turns by `yaw`."""
        p = np.asarray(points, np.float64)
        x = p[..., 0] * (1 - 0.22 * abs(self.yaw)) + self.yaw * 0.15 * (1 - (p[..., 0] / 0.5) ** 2)
        return np.stack([x, p[..., 1]], -1)

    def paint(self, back: bool) -> None:
        """Ears, then the face's skin, then its features unless the head is seen from the `back`."""
        for side in (-1, 1):
            if side * self.yaw < 0.55:
                self._ear(side)
        patch = self.canvas.polygon(self.place(self.outline()))
        tone = skin_texture(self.rng, patch, self.look.skin, self.unit)
        self.canvas.over(patch, np.clip(tone * self.light.on(patch, 0.85), 0, 1))
        if not back:
            self._cheeks()
            for side in (-1, 1):
                self._eye(side)
            self._nose()
            self._mouth()

    def _tint(self, outline: np.ndarray, color: Color, strength: float, soft: float) -> None:
        """Tint the face inside an outline, float [N, 2] in head heights, with a colour, float RGB [3] in [0, 1]."""
        patch = self.canvas.polygon(self.place(self.turned(outline)), soft=soft * self.unit)
        self.canvas.atop(patch.times(strength), np.asarray(color, np.float32))

    def _shadow(self, outline: np.ndarray, factor: float, soft: float) -> None:
        """Darken the face by `factor` inside an outline, float [N, 2] in head heights."""
        self.canvas.shade(self.canvas.polygon(self.place(self.turned(outline)), soft=soft * self.unit), factor)

    def _line(self, points: np.ndarray, color: np.ndarray, width: float, strength: float, soft: float = 0.0) -> None:
        """Draw a smooth line through points, float [N, 2] in head heights, in a colour, float RGB [3] in [0, 1]."""
        curve = self.place(self.turned(spline(np.asarray(points, np.float64), 6)))
        patch = self.canvas.lines([curve], width * self.unit, soft * self.unit)
        self.canvas.atop(patch.times(strength), np.asarray(color, np.float32))

    def _ear(self, side: int) -> None:
        center = (side * (0.37 * self.look.width - 0.02) - 0.03 * self.yaw, 0.02)
        patch = self.canvas.polygon(self.place(ellipse(center, 0.06, 0.115, -side * 0.15)))
        self.canvas.over(patch, np.clip(self.look.skin * 0.92 * self.light.on(patch, 1.0), 0, 1))
        self.canvas.shade(self.canvas.polygon(self.place(ellipse(center, 0.03, 0.07)), soft=0.015 * self.unit), 0.75)

    def _cheeks(self) -> None:
        skin = self.look.skin
        rosy = skin * np.array([1.05, 0.84, 0.82])
        for side in (-1, 1):
            self._tint(ellipse((side * 0.2, 0.15), 0.1, 0.07), rosy, 0.25 + 0.4 * self.look.makeup, 0.05)
            self._shadow(ellipse((side * 0.16, -0.045), 0.1, 0.055), 0.82, 0.03)
        shine = -1 if self.light.direction[0] < 0 else 1
        bright = np.clip(skin * 1.25 + 0.08, 0, 1)
        self._tint(ellipse((shine * 0.08, -0.3), 0.12, 0.06), bright, 0.3, 0.05)
        self._tint(ellipse((shine * 0.22, 0.08), 0.05, 0.04), bright, 0.25, 0.03)
        self._shadow(ellipse((0, 0.36), 0.09, 0.02), 0.86, 0.02)

    def _eye(self, side: int) -> None:
        x, y, r = side * 0.16, -0.03, 0.036 * self.look.eye
        dark = self.look.brow * 0.4
        closed = self.rng.random() < 0.02
        lid = np.array([(x - 0.072, y + 0.006), (x - 0.03, y - r), (x + 0.025, y - r), (x + 0.07, y + 0.004)])
        if not closed:
            low = np.array([(x + 0.03, y + 0.7 * r), (x - 0.03, y + 0.7 * r)])
            self._tint(spline(np.concatenate([lid, low]), 6, closed=True), (0.9, 0.88, 0.86), 0.92, 0.003)
            gx, gy = x + self.look.glance[0] + 0.02 * self.yaw, y + self.look.glance[1] - 0.002
            self._tint(ellipse((gx, gy), 0.033, 0.9 * r), self.look.iris, 0.95, 0.003)
            self._tint(ellipse((gx, gy), 0.015, 0.014), (0.03, 0.03, 0.03), 0.95, 0.002)
            self._tint(ellipse((gx + 0.01, gy - 0.01), 0.006, 0.006), (1, 1, 1), 0.9, 0.001)
            self._line(np.array([(x - 0.06, y + 0.014), (x, y + 0.75 * r), (x + 0.06, y + 0.012)]), dark, 0.008, 0.35)
            self._line(lid - (0, 0.022), self.look.skin * 0.6, 0.008, 0.6, 0.004)
        lid = lid + (0, 0.6 * r) if closed else lid
        self._line(lid, dark, 0.014 + 0.008 * self.look.makeup, 0.9, 0.002)
        inner, outer = np.array([x - side * 0.085, -0.115]), np.array([x + side * 0.1, -0.11])
        arch = np.stack([inner, (inner + outer) / 2 - (0, 0.04 + 0.02 * self.look.smile), outer])
        self._line(arch, self.look.brow, 0.026, 0.75, 0.004)

    def _nose(self) -> None:
        skin, lean = self.look.skin, -np.sign(self.light.direction[0]) or 1.0
        bright = np.clip(skin * 1.25, 0, 1)
        flank = np.array([(lean * 0.04, -0.05), (lean * 0.045, 0.06), (lean * 0.07, 0.13)])
        self._line(flank, skin * 0.62, 0.035, 0.5, 0.014)
        self._line(np.array([(-lean * 0.01, -0.06), (-lean * 0.008, 0.1)]), bright, 0.02, 0.5, 0.012)
        self._shadow(ellipse((0, 0.165), 0.07, 0.018), 0.78, 0.012)
        for side in (-1, 1):
            self._tint(ellipse((side * 0.035, 0.152), 0.018, 0.009), skin * 0.35, 0.85, 0.004)
        self._tint(ellipse((-lean * 0.01, 0.115), 0.025, 0.02), bright, 0.45, 0.012)

    def _mouth(self) -> None:
        look, y, w = self.look, 0.275, 0.115 * (1 + 0.15 * self.look.smile)
        lift, gap = 0.03 * look.smile, look.open_mouth
        left, right = np.array([-w, y - lift]), np.array([w, y - lift])
        top = np.array([left, (-0.04, y - 0.032), (0, y - 0.024), (0.04, y - 0.032), right])
        middle = np.array([right, (0.04, y + 0.004), (0, y + 0.008), (-0.04, y + 0.004)])
        bottom = np.array([left, (-0.05, y + 0.036 + gap), (0, y + 0.05 + gap), (0.05, y + 0.036 + gap), right])
        self._tint(spline(np.concatenate([top, middle]), 4, closed=True), look.lips * 0.85, 0.85, 0.005)
        self._tint(spline(np.concatenate([bottom, middle]), 4, closed=True), look.lips, 0.85, 0.005)
        if gap > 0.008:
            teeth = np.concatenate([middle[1:], middle[:0:-1] + (0, 0.7 * gap + 0.012)])
            self._tint(spline(teeth, 4, closed=True), (0.93, 0.9, 0.86), 0.9, 0.003)
        self._line(np.concatenate([middle, [left]]), look.lips * 0.4, 0.01, 0.8, 0.003)
