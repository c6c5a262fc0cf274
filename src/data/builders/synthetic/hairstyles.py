"""Hair styles: which ribbons and tufts make a bob, a ponytail, a beard. Geometry as in `hair.py`."""

from dataclasses import dataclass

import numpy as np

from .hair import HairBrush
from .shapes import ellipse, mirror, resample, spline

STYLES = ("long", "long", "long", "bob", "bob", "short", "short", "short", "buzz", "afro", "bun", "ponytail", "braids",
          "bald", "covered")  # fmt: skip

BEARD = spline(np.array([(-0.35, 0.02), (-0.31, 0.28), (-0.17, 0.45), (0, 0.5), (0.17, 0.45), (0.31, 0.28),
                         (0.35, 0.02), (0.26, 0.2), (0.15, 0.22), (0, 0.2), (-0.15, 0.22), (-0.26, 0.2)]),
               6, closed=True)  # fmt: skip


@dataclass(frozen=True)
class Style:
    """`length` is where the tips hang (y in head heights), `volume` how far the hair stands off the skull.

    `part` is the x of the parting, `fringe` the y down to which hair covers the forehead (None: no fringe),
    `front` whether long hair hangs before the shoulders on the left and on the right.
    """

    name: str
    length: float
    volume: float
    part: float
    fringe: float | None
    front: tuple[bool, bool]
    beard: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Style":
        """Any style, the common ones more often."""
        name = str(rng.choice(STYLES))
        length = {"long": rng.uniform(0.7, 2.0), "bob": rng.uniform(0.25, 0.6)}.get(name, rng.uniform(0.6, 1.6))
        volume = {"afro": rng.uniform(0.12, 0.45), "buzz": 0.02, "short": rng.uniform(0.05, 0.16)}.get(
            name, rng.uniform(0.04, 0.14)
        )
        fringe = rng.uniform(-0.3, -0.12) if rng.random() < 0.3 and name in ("long", "bob", "bun", "ponytail") else None
        mannish = name in ("short", "buzz", "bald", "afro")
        beard = rng.uniform(0.1, 1.0) if mannish and rng.random() < 0.45 else 0.0
        front = (bool(rng.random() < 0.65), bool(rng.random() < 0.65))
        return cls(name, length, volume, rng.uniform(-0.16, 0.16), fringe, front, beard)


def _skull(volume: float, shift: float = 0.0, bottom: float = 0.12) -> np.ndarray:
    """Outer line of the hair, float64 [27, 2], from the left ear over the crown to the right ear."""
    rx, ry = 0.40 + 0.75 * volume, 0.44 + volume
    t = np.linspace(np.pi, 2 * np.pi, 25)
    arc = np.stack([rx * np.cos(t) + shift, ry * np.sin(t) - 0.09], 1)
    return np.concatenate([[(-rx + shift, bottom)], arc, [(rx + shift, bottom)]])


def behind(brush: HairBrush, style: Style, shift: float) -> None:
    """What is drawn before neck and body; `shift` is how far a turned head's back hair moves aside."""
    if style.name in ("bald", "buzz", "covered", "short"):
        return
    if style.name == "afro":
        _afro(brush, style, shift)
        return
    if style.name in ("bun", "ponytail", "braids"):
        _gathered(brush, style, shift)
        return
    v, low = style.volume, style.length
    flare = brush.rng.uniform(-0.05, 0.2) * min(low, 1.0)
    for side in (-1, 1):
        inner = np.array([(0, -0.45 - v), (side * 0.05, 0.0), (side * 0.04, 0.5), (side * 0.05, low)])
        outer = np.array([(0, -0.5 - v), (side * (0.42 + v), -0.2), (side * (0.45 + v), 0.4 * low),
                          (side * (0.42 + v + flare), low)])  # fmt: skip
        brush.ribbon(inner + (shift, 0), outer + (shift, 0), shadow=0.7)


def before(brush: HairBrush, style: Style, shift: float, seen_from_back: bool) -> None:
    """What is drawn over face and shoulders."""
    if style.name in ("bald", "covered"):
        return
    if style.name in ("short", "buzz", "afro"):
        _cropped(brush, style, shift)
    else:
        _parted(brush, style, shift)
    if style.fringe is not None and not seen_from_back:
        _fringe(brush, style, shift)
    if seen_from_back:
        _back_of_head(brush, style)


def beard(brush: HairBrush, amount: float, turned: np.ndarray) -> None:
    """Beard in the outline `turned`, float [N, 2], along the jaw; `amount` is 0 (stubble) to 1 (full)."""
    rng = brush.rng
    patch = brush.canvas.polygon(brush.place(turned), soft=0.03 * brush.unit)
    brush.canvas.atop(patch.times(0.25 + 0.45 * amount), brush.look.color * 0.8)
    if amount > 0.3:
        roots = _inside(turned, 900, rng)
        down = np.stack([roots[:, 0] * 1.2, np.full(len(roots), 1.0)], 1)
        down /= np.linalg.norm(down, axis=1, keepdims=True)
        brush.tuft(roots, down, rng.uniform(0.02, 0.05 + 0.12 * amount, len(roots)), shadow=0.9)


def _inside(outline: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Random points, float64 [count, 2], between an outline and its centre."""
    edge = outline[rng.integers(0, len(outline), count)]
    return outline.mean(0) + (edge - outline.mean(0)) * np.sqrt(rng.random((count, 1)))


def _parted(brush: HairBrush, style: Style, shift: float) -> None:
    v, part = style.volume, style.part + 0.5 * shift
    gathered = style.name in ("bun", "ponytail", "braids")
    for k, side in enumerate((-1, 1)):
        ear = np.array([(side * 0.36, 0.0), (side * 0.385, 0.12)])
        low = 0.12 if gathered else style.length
        hang = [] if gathered else [(side * (0.30 if style.front[k] else 0.37), 0.45), (side * 0.34, low)]
        out = [] if gathered else [(side * (0.46 + v), 0.45), (side * (0.47 + v), low)]
        if not gathered and not style.front[k]:
            hang, out = [(side * 0.35, min(0.5, low))], [(side * (0.45 + v), min(0.5, low))]
        inner = np.array([(part, -0.42), (side * 0.2 + 0.3 * part, -0.37), (side * 0.335, -0.18), *ear, *hang])
        outer = np.array([(part, -0.5 - 0.9 * v), (side * (0.24 + 0.4 * v), -0.49 - v), (side * (0.4 + 0.8 * v), -0.22),
                          (side * (0.42 + v), 0.0), (side * (0.43 + v), 0.14), *out])  # fmt: skip
        inner[:, 0] += shift * 0.4
        outer[:, 0] += shift * 0.6
        brush.ribbon(inner, outer, loose=0.7)


def _fringe(brush: HairBrush, style: Style, shift: float) -> None:
    top, low = -0.45 - 0.8 * style.volume, style.fringe or 0.0
    sweep = brush.rng.uniform(-0.12, 0.12)
    left = np.array([(-0.14 + shift, top), (-0.26, -0.36), (-0.33 + sweep, low + 0.05)])
    right = np.array([(0.14 + shift, top), (0.26, -0.36), (0.33 + sweep, low + 0.05)])
    brush.ribbon(left, right, loose=0.3)


def _cropped(brush: HairBrush, style: Style, shift: float) -> None:
    """Short hair: a cap between the hairline and the skull's outline, with tufts that stand off it."""
    rng, v = brush.rng, style.volume
    hairline_y = rng.uniform(-0.36, -0.27)
    skull = _skull(v * 0.6, shift, bottom=0.02)
    half = np.array([(0.375, 0.02), (0.34, -0.12), (0.29, hairline_y), (0.1, hairline_y - 0.05)])
    line = spline(mirror(half), 5)
    brush.mass(np.concatenate([skull, line + (0.4 * shift, 0)]))
    count = int(300 + 1300 * min(brush.unit / 400, 1))
    edge, inner = resample(skull, count), resample(line[::-1], count) + (0.4 * shift, 0)
    depth = rng.random((count, 1)) ** 0.8
    roots = edge * (1 - depth) + inner * depth
    outward = roots - (shift, -0.02)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    comb = np.array([rng.normal(0, 1.0), rng.uniform(-0.6, 0.5)]) if style.name == "short" else np.zeros(2)
    # Hair is combed where it is long and stands off where the skull turns away.
    direction = outward * (1.2 - depth) + comb * (0.4 + depth) + rng.normal(0, 0.12, (count, 2))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-6
    brush.tuft(roots, direction, (0.9 * v + 0.02) * rng.uniform(0.5, 1.3, count) * (0.5 + 0.5 * depth[:, 0]))
    if style.name == "afro":
        _ball(brush, (shift, -0.1), 0.85, skull, 0.35 * v)


def _afro(brush: HairBrush, style: Style, shift: float) -> None:
    outline = ellipse((shift, -0.08), 0.42 + 0.9 * style.volume, 0.46 + style.volume, count=60)
    brush.mass(outline + brush.rng.normal(0, 0.012, outline.shape), shadow=0.8)
    _ball(brush, (shift, -0.08), 0.75, outline, 0.25 * style.volume + 0.03)


def _ball(brush: HairBrush, center: tuple[float, float], least: float, outline: np.ndarray, length: float) -> None:
    """Curly tufts over a body of hair, outline float [N, 2]; roots lie at `least` to 1 of its radius."""
    rng = brush.rng
    count = int(300 + 700 * min(brush.unit / 300, 1))
    edge = outline[rng.integers(0, len(outline), count)]
    roots = center + (edge - center) * rng.uniform(max(least, 0.05), 1.0, (count, 1))
    angle = np.arctan2(*(roots - center).T[::-1]) + rng.normal(0, 0.7, count)
    brush.tuft(roots, np.stack([np.cos(angle), np.sin(angle)], 1), length * rng.uniform(0.5, 1.6, count))


def _gathered(brush: HairBrush, style: Style, shift: float) -> None:
    """Bun, ponytail or braids, drawn behind head and body."""
    rng, v = brush.rng, style.volume
    brush.mass(ellipse((shift, -0.08), 0.39 + 0.7 * v, 0.43 + v), shadow=0.7)
    if style.name == "bun":
        center, radius = (shift + rng.uniform(-0.15, 0.15), -0.52 - v - rng.uniform(0, 0.1)), rng.uniform(0.13, 0.22)
        ball = ellipse(center, radius * 1.15, radius, count=30)
        brush.mass(ball)
        _ball(brush, center, 0.2, ball, radius * 0.8)
        return
    for side in (-1, 1) if style.name == "braids" else (int(rng.choice([-1, 1])),):
        thick = rng.uniform(0.05, 0.12)
        start = -0.35 if style.name == "ponytail" else 0.2
        line = np.array([(side * 0.36 + shift, start), (side * 0.52 + shift, start + 0.25),
                         (side * 0.55 + shift, 0.6), (side * 0.5 + shift, style.length)])  # fmt: skip
        brush.ribbon(line - (thick, 0), line + (thick, 0), shadow=0.85)


def _back_of_head(brush: HairBrush, style: Style) -> None:
    low = max(style.length, 0.4) if style.name in ("long", "bob") else 0.42
    for side in (-1, 1):
        inner = np.array([(0, -0.42), (side * 0.02, -0.1), (side * 0.02, low)])
        outer = np.array([(0, -0.5), (side * 0.42, -0.15), (side * 0.36, low)])
        brush.ribbon(inner, outer, loose=0.5)
