"""Neck, trunk, legs, arms and hands with their clothes. Geometry in head heights, (0, 0) in the middle of the face."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .fabric import Fabric
from .light import Light, any_color, skin_texture
from .pose import Arm, Pose
from .shapes import ellipse, limb, mirror, spline, turn

_BOTTOMS = ("plain", "plain", "denim", "checks", "print")
Place = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Clothes:
    """`top`, `bottom`, `shoe` are cloths, `hem` the y at which the top ends, `loose` how wide it is.

    `sleeve` is the share of the arm that is covered (0: none, 2: to the wrist), `neckline` the depth of the
    opening, `skirt` the y of a skirt's end (None: trousers), `inner` the shirt under an open jacket or None.
    """

    top: Fabric
    bottom: Fabric
    shoe: np.ndarray
    inner: Fabric | None
    hem: float
    loose: float
    sleeve: float
    neckline: float
    v_neck: bool
    collar: bool
    skirt: float | None
    trousers: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Clothes":
        """Any clothes: trousers, skirts and dresses, with and without a jacket."""
        top, bottom = Fabric.random(rng), Fabric.random(rng, str(rng.choice(_BOTTOMS)))
        jacket = rng.random() < 0.35
        skirt = rng.uniform(3.6, 5.8) if rng.random() < 0.35 else None
        if skirt and rng.random() < 0.5:
            bottom = top  # a dress
        sleeve = 2.0 if jacket else float(rng.choice([0.0, 0.45, 0.6, 1.4, 2.0, 2.0]))
        hem = rng.uniform(2.9, 4.6) if jacket else rng.uniform(2.6, 3.3)
        return cls(top, bottom, any_color(rng) * 0.6, Fabric.random(rng) if jacket else None, hem,
                   rng.uniform(1.0, 1.3), sleeve, rng.uniform(0.02, 0.4), bool(rng.random() < 0.4),
                   bool(rng.random() < 0.45), skirt, rng.uniform(1.05, 1.6))  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """Whose body is painted; `skin` is float RGB [3] in [0, 1]."""

    pose: Pose
    clothes: Clothes
    skin: np.ndarray


class BodyPainter:
    """Paints one body on a canvas; `place` maps head heights to pixels, `unit` is the head height in pixels."""

    def __init__(
        self, canvas: Canvas, place: Place, unit: float, figure: Figure, light: Light, rng: np.random.Generator
    ) -> None:
        self.canvas, self.place, self.unit, self.light, self.rng = canvas, place, unit, light, rng
        self.pose, self.clothes, self.tone = figure.pose, figure.clothes, figure.skin

    def skin(self, outline: np.ndarray, roundness: float = 0.9) -> None:
        """Lay bare skin over what is there; the outline is float [N, 2] in head heights."""
        patch = self.canvas.polygon(self.place(outline))
        texture = skin_texture(self.rng, patch, self.tone, self.unit)
        self.canvas.over(patch, np.clip(texture * self.light.on(patch, roundness), 0, 1))

    def cloth(self, outline: np.ndarray, fabric: Fabric, along: float = np.pi / 2, roundness: float = 0.6) -> None:
        """Lay cloth over what is there; the outline is float [N, 2] in head heights, `along` the folds' direction."""
        patch = self.canvas.polygon(self.place(outline))
        fabric.paint(self.canvas, patch, self.light, self.rng, self.unit, along, roundness)

    def shadow(self, outline: np.ndarray, factor: float, soft: float) -> None:
        """Darken what is there by `factor` inside an outline, float [N, 2], whose edge is `soft` head heights wide."""
        self.canvas.shade(self.canvas.polygon(self.place(outline), soft=soft * self.unit), factor)

    def lower(self) -> None:
        """Legs, shoes, then trousers or a skirt."""
        c, pose = self.clothes, self.pose
        for leg in pose.legs:
            self.skin(limb(leg[:3], [0.32, 0.2, 0.1]))
            self._shoe(leg)
            if c.skirt is None:
                cuff = leg[2] * 0.97 + leg[1] * 0.03
                wide = [0.36, 0.23 * c.trousers, 0.13 * c.trousers]
                self.cloth(limb(np.stack([leg[0], leg[1], cuff]), wide), c.bottom)
        hip, low = pose.hip + 0.12, 3.35 if c.skirt is None else c.skirt
        flare = hip + (0.0 if c.skirt is None else self.rng.uniform(-0.1, 0.5) * (low - 2.8) / 2)
        self.cloth(spline(np.array([(-hip * 0.85, 2.2), (-hip, 2.9), (-flare, low), (0, low + 0.06), (flare, low),
                                    (hip, 2.9), (hip * 0.85, 2.2)]), 6, closed=True), c.bottom)  # fmt: skip

    def neck(self) -> None:
        """Neck, shoulders and chest, as far as a neckline may show them."""
        w = 0.2 + 0.04 * (self.pose.broad - 1) / 0.2
        s, deep = self.pose.shoulder, 1.15 + self.clothes.neckline
        half = np.array([(-w, 0.2), (-w, 0.6), (-w - 0.08, 0.76), (-s + 0.2, 0.92), (-s + 0.12, deep)])
        self.skin(spline(mirror(half), 5, closed=True), 0.5)
        self.shadow(ellipse((0.02, 0.5), w + 0.05, 0.16), 0.62, 0.06)

    def trunk(self) -> None:
        """The top with its neckline, the open jacket over it, the collar."""
        c, rng = self.clothes, self.rng
        neck = 0.27 + (0.12 if c.neckline > 0.2 else 0.0)
        half = self._trunk_half(neck, c.loose)
        dip = 0.8 + c.neckline
        hem = half[-1] * (0.6, 1) + (0, 0.03)
        slope = dip if c.v_neck else dip - 0.1
        opening = [(neck * 0.6, slope), (0, dip + 0.05), (-neck * 0.6, slope)]
        points = [*half, hem, hem * (-1, 1), *(half * (-1, 1))[::-1], *opening]
        first = c.inner or c.top
        outline = spline(np.array(points), 5, closed=True)
        self.cloth(outline, first, roundness=0.45)
        if c.inner is not None:
            self._jacket(half)
        if c.collar:
            self._collar(neck, dip)
        elif rng.random() < 0.5:
            edge = np.array([(-neck, 0.76), *opening[::-1], (neck, 0.76)])
            line = self.place(spline(edge, 6))
            self.canvas.atop(self.canvas.lines([line], 0.035 * self.unit).times(0.6), first.colors[0] * 0.55)

    def _trunk_half(self, neck: float, loose: float) -> np.ndarray:
        """Left outline of the top from neck to hem, float64 [8, 2] in head heights."""
        s, hip, w = self.pose.shoulder, self.pose.hip, loose
        return np.array([(-neck, 0.76), (-neck - 0.2, 0.835), (-s + 0.06, 0.93), (-s - 0.03, 1.1), (-s * 0.86 * w, 1.6),
                         (-(hip + 0.04) * w, 2.2), (-(hip + 0.1) * w, 2.8),
                         (-(hip + 0.08) * w, self.clothes.hem)])  # fmt: skip

    def _jacket(self, half: np.ndarray) -> None:
        """Both sides of an open jacket; `half` is the left outline of the top, float [N, 2]."""
        opening = self.rng.uniform(0.05, 0.35)
        front = np.array([(-opening - 0.03, self.clothes.hem + 0.02), (-opening, 1.9), (-0.12, 1.25), (-0.24, 0.78)])
        for side in (-1, 1):
            outline = spline(np.concatenate([half, front]) * (-side, 1), 5, closed=True)
            self.shadow(outline + (0, 0.04), 0.7, 0.04)
            self.cloth(outline, self.clothes.top, roundness=0.35)
            lapel = np.array([(-0.26, 0.74), (-0.34, 1.0), (-0.3, 1.2), (-0.1, 1.65), (-0.14, 1.15)]) * (-side, 1)
            self.cloth(lapel, self.clothes.top, roundness=0.5)

    def _collar(self, neck: float, dip: float) -> None:
        for side in (-1, 1):
            wing = np.array(
                [(neck * 0.95, 0.62), (neck + 0.06, 0.76), (0.2, 0.98), (0.02, dip + 0.02), (neck * 0.7, 0.75)]
            )
            self.shadow(wing * (side, 1) + (0, 0.03), 0.75, 0.02)
            self.cloth(wing * (side, 1), self.clothes.inner or self.clothes.top, roundness=0.6)

    def upper_arm(self, arm: Arm) -> None:
        """Shoulder to elbow, drawn before the trunk, which hides the shoulder's seam."""
        j, c = arm.joints, self.clothes
        wide = c.loose * self.pose.broad
        if c.sleeve <= 1:
            self.skin(limb(j[:2], [0.165 * self.pose.broad, 0.135 * self.pose.broad]))
        else:
            self.cloth(limb(np.stack([j[0], j[1]]), [0.2 * wide, 0.17 * wide]), c.top, _direction(j[0], j[1]))
        if 0 < c.sleeve <= 1:
            end = j[0] + (j[1] - j[0]) * c.sleeve
            shape = limb(np.stack([j[0], (j[0] + end) / 2, end]), [0.2 * wide, 0.2 * wide, 0.19 * wide])
            self.cloth(shape, c.top, _direction(j[0], j[1]))

    def forearm(self, arm: Arm) -> None:
        """What of an arm may lie before the body and the face, with its hand and a soft shadow under it."""
        j, c, broad = arm.joints, self.clothes, self.pose.broad
        start = 0.1 * j[0] + 0.9 * j[1]
        line = np.stack([start, 0.6 * j[1] + 0.4 * j[2], j[2]])
        self.shadow(limb(line + (0.03, 0.06), [0.14, 0.14, 0.12]), 0.78, 0.06)
        self.skin(limb(line, [0.135 * broad, 0.125 * broad, 0.085]))
        self.hand(j[2], arm.hand, 1 if j[0, 0] > 0 else -1)
        if c.sleeve > 1:
            wide = c.loose * broad
            end = j[1] + (j[2] - j[1]) * (c.sleeve - 1) * 0.95
            middle = (j[1] + end) / 2
            shape = limb(np.stack([start, middle, end]), [0.172 * wide, 0.155 * wide, 0.125 * wide])
            self.cloth(shape, c.top, _direction(j[1], j[2]))

    def hand(self, wrist: np.ndarray, direction: float, side: int) -> None:
        """Palm, four fingers and a thumb from the wrist, float [2], on, in `direction` (radians)."""
        spread, curl = self.rng.uniform(0.02, 0.16), self.rng.uniform(0.4, 1.0)

        def put(outline: np.ndarray) -> np.ndarray:
            return turn(outline, direction) + wrist

        for k in range(4):
            angle = (k - 1.5) * spread
            root = np.array([0.27, (k - 1.5) * 0.062])
            length = (0.25 if k in (1, 2) else 0.2) * curl
            bend = root + length * 0.55 * np.array([np.cos(angle), np.sin(angle)])
            tip = bend + length * 0.5 * np.array([np.cos(1.6 * angle), np.sin(1.6 * angle)])
            self.skin(put(limb(np.stack([root, bend, tip]), [0.036, 0.034, 0.026], 4)), 1.0)
        thumb = np.array([(0.1, -side * 0.08), (0.2, -side * 0.17), (0.3, -side * 0.18)])
        self.skin(put(limb(thumb, [0.045, 0.042, 0.03], 4)), 1.0)
        self.skin(put(ellipse((0.15, 0), 0.18, 0.12)), 0.8)

    def _shoe(self, leg: np.ndarray) -> None:
        """The shoe of a leg, joints float [4, 2]."""
        ankle, toe = leg[2], leg[3]
        sole = np.array([ankle + (0, -0.05), ankle + (0, 0.12), toe + (0, 0.1)])
        patch = self.canvas.polygon(self.place(limb(sole, [0.11, 0.13, 0.11])))
        self.canvas.over(patch, np.clip(self.clothes.shoe * self.light.on(patch, 1.0), 0, 1))


def _direction(start: np.ndarray, end: np.ndarray) -> float:
    """Direction in radians from one point, float [2], to another."""
    return float(np.arctan2(end[1] - start[1], end[0] - start[0]))
