"""What people wear on the head and hold in the hands. Geometry in head heights, (0, 0) in the middle of the face."""

from collections.abc import Callable

import numpy as np

from .body import BodyPainter
from .canvas import Canvas
from .fabric import Fabric, folds_of
from .hair import HairBrush
from .light import any_color
from .pose import Arm
from .shapes import ellipse, limb, spline, turn

Turned = Callable[[np.ndarray], np.ndarray]


def glasses(canvas: Canvas, place: Turned, unit: float, rng: np.random.Generator) -> None:
    """Spectacles or sunglasses; `place` maps points of a face that looks straight ahead to pixels."""
    dark, frame = rng.random() < 0.4, any_color(rng) * 0.35
    rx, ry = rng.uniform(0.095, 0.13), rng.uniform(0.07, 0.1)
    for side in (-1, 1):
        rim = ellipse((side * 0.16, -0.02), rx, ry, count=30)
        lens = canvas.polygon(place(rim))
        canvas.atop(lens.times(0.9 if dark else 0.1), frame * 0.5 if dark else np.full(3, 0.9))
        gleam = canvas.polygon(place(ellipse((side * 0.16 + 0.03, -0.05), rx * 0.3, ry * 0.25, -0.6)), soft=0.01 * unit)
        canvas.atop(gleam.times(0.35), np.ones(3))
        canvas.over(canvas.lines([place(np.concatenate([rim, rim[:1]]))], max(0.016 * unit, 0.6)), frame)
        temple = np.array([(side * (0.16 + rx), -0.03), (side * 0.37, -0.04)])
        canvas.over(canvas.lines([place(temple)], max(0.014 * unit, 0.6)), frame)
    canvas.over(canvas.lines([place(np.array([(-0.07, -0.03), (0, -0.05), (0.07, -0.03)]))], 0.014 * unit), frame)


def hat(body: BodyPainter, place: Turned, volume: float, rng: np.random.Generator) -> None:
    """Beanie, cap or brimmed hat over the hair."""
    fabric, kind, v = Fabric.random(rng), rng.integers(3), volume * 0.8
    rx, low = 0.42 + 0.7 * v, rng.uniform(-0.3, -0.2)
    tall = rng.uniform(0.32, 0.5)
    crown = np.array([(-rx, low), (-rx * 0.97, low - 0.6 * tall), (-rx * 0.55, low - tall - v),
                      (rx * 0.55, low - tall - v), (rx * 0.97, low - 0.6 * tall), (rx, low),
                      (0, low + 0.06)])  # fmt: skip
    _wear(body, place(spline(crown, 6, closed=True)), fabric)
    if kind == 0:
        edge = rx + 0.02
        cuff = np.array([(-edge, low - 0.1), (0, low - 0.05), (edge, low - 0.1), (edge, low + 0.05), (0, low + 0.1),
                         (-edge, low + 0.05)])  # fmt: skip
        _wear(body, place(spline(cuff, 5, closed=True)), fabric)
    elif kind == 1:
        _wear(body, place(ellipse((rng.choice([-0.2, 0, 0.2]), low + 0.06), rx * 0.85, 0.09)), fabric)
    else:
        _wear(
            body,
            place(ellipse((0, low + 0.02), rx * rng.uniform(1.4, 2.1), rng.uniform(0.07, 0.16), rng.normal(0, 0.05))),
            fabric,
        )
        _wear(body, place(spline(crown, 6, closed=True)), fabric)


def _wear(body: BodyPainter, pixels: np.ndarray, fabric: Fabric) -> None:
    """Lay cloth over the head; `pixels` is its outline, float [N, 2]."""
    fabric.paint(body.canvas, body.canvas.polygon(pixels), body.light, body.rng, body.unit, roundness=0.7)


def headscarf(body: BodyPainter, place: Turned, rng: np.random.Generator) -> None:
    """A scarf round face and neck; the face stays open."""
    fabric = Fabric.random(rng)
    outer = np.array([(-0.3, -0.5), (0, -0.6), (0.3, -0.5), (0.46, -0.15), (0.44, 0.35), (0.62, 0.95), (0.3, 1.25),
                      (-0.3, 1.3), (-0.62, 0.95), (-0.44, 0.35), (-0.46, -0.15)])  # fmt: skip
    face = ellipse((0, 0.02), 0.3, 0.42, count=36)
    patch = body.canvas.polygon(place(spline(outer, 6, closed=True)), place(face))
    fabric.paint(body.canvas, patch, body.light, body.rng, body.unit, roundness=0.6)


def veil(body: BodyPainter, place: Turned, rng: np.random.Generator) -> None:
    """Translucent cloth that hangs from the head beside or before the body: fractional alpha over an area."""
    color, opacity = np.clip(any_color(rng) * 0.4 + 0.6, 0, 1), rng.uniform(0.15, 0.55)
    low, wide, sway = rng.uniform(0.9, 3.0), rng.uniform(0.6, 1.2), rng.normal(0, 0.25)
    outline = np.array([(0, -0.62), (0.35, -0.5), (0.55, 0.1), (wide + sway, low), (0.1 + sway, low + 0.15),
                        (-wide + sway, low), (-0.55, 0.1), (-0.35, -0.5)])  # fmt: skip
    holes = [place(ellipse((0, 0.05), 0.33, 0.5, count=30))] if rng.random() < 0.6 else []
    patch = body.canvas.polygon(place(spline(outline, 8, closed=True)), *holes)
    height, width = patch.mask.shape
    folds = folds_of(rng, height, width, body.unit, np.pi / 2)
    sheer = patch.times(np.clip(opacity * (1 + 0.7 * folds), 0.03, 0.95).astype(np.float32))
    body.canvas.over(sheer, np.clip(color * body.light.on(patch, 0.3, folds), 0, 1))


def scarf(body: BodyPainter, rng: np.random.Generator) -> None:
    """A scarf round the neck with a fringed end."""
    fabric, side = Fabric.random(rng), rng.choice([-1, 1])
    end = rng.uniform(1.5, 2.4)
    tail = limb(np.array([(side * 0.12, 0.8), (side * 0.2, 1.2), (side * 0.22, end)]), [0.13, 0.15, 0.15])
    body.cloth(tail, fabric)
    body.cloth(ellipse((0, 0.68), 0.36, 0.17), fabric, 0.0)
    roots = np.stack([rng.uniform(-0.14, 0.14, 60) + side * 0.22, np.full(60, end + 0.12)], 1)
    threads = roots[:, None] + np.array([(0, 0), (0.0, 0.08), (0.0, 0.17)]) + rng.normal(0, 0.01, (60, 3, 2))
    patch = body.canvas.lines(
        list(body.place(threads.reshape(-1, 2)).reshape(threads.shape)), max(0.006 * body.unit, 0.5)
    )
    body.canvas.over(patch, fabric.colors[0] * 0.8)


def held(body: BodyPainter, arm: Arm, rng: np.random.Generator) -> None:
    """A thing in the hand: telephone, book, cup, bag, flowers, ball, umbrella."""
    wrist, d = arm.joints[2], arm.hand
    grip = wrist + 0.25 * np.array([np.cos(d), np.sin(d)])
    kind = str(rng.choice(["phone", "book", "cup", "bag", "flowers", "ball", "stick"]))
    if kind in ("phone", "book"):
        w, h = (0.12, 0.24) if kind == "phone" else (rng.uniform(0.25, 0.45), rng.uniform(0.3, 0.55))
        corners = np.array([(-w, -h), (w, -h), (w, h), (-w, h)])
        _solid(body, turn(corners, rng.normal(0, 0.3)) + grip, any_color(rng) * (0.3 if kind == "phone" else 1), 0.15)
    elif kind == "cup":
        _solid(body, np.array([(-0.15, -0.25), (0.15, -0.25), (0.11, 0.2), (-0.11, 0.2)]) + grip, any_color(rng), 0.9)
    elif kind == "ball":
        radius = rng.uniform(0.2, 0.5)
        _solid(body, ellipse(grip, radius, radius), any_color(rng), 1.0)
    elif kind == "bag":
        w, h, low = rng.uniform(0.3, 0.6), rng.uniform(0.25, 0.5), rng.uniform(0.3, 0.6)
        strap = np.array([(-0.7 * w, low), (-0.3 * w, 0.0), (0.3 * w, 0.0), (0.7 * w, low)]) + grip
        color = any_color(rng)
        body.canvas.over(body.canvas.lines([body.place(spline(strap, 8))], max(0.04 * body.unit, 0.7)), color * 0.7)
        case = np.array([(-w, low), (w, low), (1.1 * w, low + 2 * h), (-1.1 * w, low + 2 * h)]) + grip
        _solid(body, spline(case, 6, closed=True) if rng.random() < 0.6 else case, color, 0.6)
    elif kind == "flowers":
        _flowers(body, grip, rng)
    else:
        end = grip + rng.uniform(0.5, 1.6) * np.array([np.cos(d + 1.4), -abs(np.sin(d + 1.4)) - 0.3])
        body.canvas.over(
            body.canvas.lines([body.place(np.stack([grip, end]))], max(0.05 * body.unit, 0.7)), any_color(rng) * 0.6
        )


def _solid(body: BodyPainter, outline: np.ndarray, color: np.ndarray, roundness: float) -> None:
    """Lay a lit thing over what is there: outline float [N, 2] in head heights, colour float RGB [3] in [0, 1]."""
    patch = body.canvas.polygon(body.place(outline))
    body.canvas.over(patch, np.clip(color * body.light.on(patch, roundness), 0, 1))


def _flowers(body: BodyPainter, grip: np.ndarray, rng: np.random.Generator) -> None:
    """A bunch of flowers in the hand at `grip`, float [2]."""
    color = any_color(rng)
    heads = grip + (0, -0.55) + rng.normal(0, 0.22, (14, 2))
    stems = [body.place(np.stack([grip, (grip + h) / 2 + rng.normal(0, 0.03, 2), h])) for h in heads]
    body.canvas.over(body.canvas.lines(stems, max(0.014 * body.unit, 0.5)), np.array([0.2, 0.36, 0.14]))
    for head in heads:
        for k in range(5):
            petal = head + 0.06 * np.array([np.cos(1.26 * k), np.sin(1.26 * k)])
            _solid(body, ellipse(petal, 0.055, 0.04, 1.26 * k, 12), color * rng.uniform(0.8, 1.1), 0.8)


def beads(brush: HairBrush, rng: np.random.Generator) -> None:
    """A hair band."""
    t = np.linspace(np.pi * 1.08, np.pi * 1.92, 12)
    band = np.stack([0.43 * np.cos(t), -0.06 + 0.47 * np.sin(t)], 1)
    brush.canvas.over(brush.canvas.lines([brush.place(band)], max(0.05 * brush.unit, 0.6)), any_color(rng))
