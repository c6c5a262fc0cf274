"""Rooms, walls and backdrops; each function gives float RGB [H, W, 3] in about [0, 1]."""

import numpy as np

from .light import SKINS, any_color
from .noise import octaves, smooth_noise
from .props import box, grain, plain, put, things
from .shapes import spline, turn


def studio(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A backdrop with a pool of light; float RGB [height, width, 3]."""
    first, second = any_color(rng), any_color(rng)
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(height, width)
    pool = np.exp(-((x - rng.uniform(0.2, 0.8)) ** 2 + (y - rng.uniform(0.1, 0.6)) ** 2) / rng.uniform(0.05, 0.6))
    mottled = pool + 0.25 * rng.random() * octaves(rng, height, width, width / 4, 4)
    return first * 0.5 + (second - first * 0.5) * mottled[..., None]


def cloud(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Fractal noise between three colours: stone, plaster, murals; float RGB [height, width, 3]."""
    first, second, third = any_color(rng), any_color(rng), any_color(rng)
    cell = max(height, width) / rng.uniform(1.5, 12)
    a = np.clip(0.5 + octaves(rng, height, width, cell, 6, 0.65), 0, 1)[..., None]
    b = np.clip(0.5 + 2 * octaves(rng, height, width, cell / 2, 5), 0, 1)[..., None]
    return (first * (1 - a) + second * a) * (1 - 0.5 * b) + third * 0.5 * b


def curtain(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Vertical folds, sometimes with a print; float RGB [height, width, 3]."""
    color = any_color(rng)
    x = np.linspace(0, rng.uniform(20, 90), width, dtype=np.float32)[None]
    warp = smooth_noise(rng, height, width, (height * 0.8, width / 6))
    folds = 0.7 + 0.3 * np.sin(x + 4 * warp) * (0.6 + 0.4 * warp)
    image = color * folds[..., None]
    if rng.random() < 0.4:
        blobs = octaves(rng, height, width, width / 10, 3) > 0.25
        image = np.where(blobs[..., None], any_color(rng) * folds[..., None], image)
    return image


def room(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Wall and floor, a window or a door, furniture, posters, a lamp; float RGB [height, width, 3]."""
    canvas, floor = plain(height, width, any_color(rng) * 0.5 + 0.4), height * rng.uniform(0.65, 1.1)
    side = max(height, width)
    put(canvas, box(0, floor, width, height + 2), any_color(rng) * 0.7)
    put(canvas, box(0, floor - side * 0.02, width, floor), any_color(rng) * 0.3 + 0.6)
    for _ in range(int(rng.integers(1, 4))):
        x, w, h = rng.uniform(-0.1, 0.9) * width, side * rng.uniform(0.12, 0.35), side * rng.uniform(0.15, 0.5)
        y = rng.uniform(0.0, 0.5) * height
        put(canvas, box(x, y, x + w, y + h), any_color(rng) * 0.5)
        edge = side * rng.uniform(0.004, 0.02)
        inner, glow = any_color(rng), rng.random() < 0.4
        put(canvas, box(x + edge, y + edge, x + w - edge, y + h - edge), np.ones(3) * 0.95 if glow else inner)
        for k in range(1, int(rng.integers(1, 4))):
            put(canvas, box(x + w * k / 3, y, x + w * k / 3 + edge, y + h), any_color(rng) * 0.6)
    for _ in range(int(rng.integers(0, 4))):
        x, w, h = rng.uniform(-0.1, 0.9) * width, side * rng.uniform(0.1, 0.4), side * rng.uniform(0.1, 0.45)
        color = any_color(rng) if rng.random() < 0.6 else SKINS[rng.integers(len(SKINS))]
        outline = box(x, floor + side * 0.08 - h, x + w, floor + side * 0.1)
        put(canvas, spline(outline, 6, closed=True) if rng.random() < 0.5 else outline, color)
    things(rng, canvas, int(rng.integers(0, 6)))
    return grain(rng, canvas.color, side / 12, 0.12)


def shelf(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Rows of books and things; float RGB [height, width, 3]."""
    canvas, wood = plain(height, width, any_color(rng) * 0.25), SKINS[rng.integers(5, 10)]
    step = height / rng.uniform(2.5, 7)
    for row in range(int(height / step) + 2):
        x, base = 0.0, row * step
        while x < width:
            w, h = step * rng.uniform(0.06, 0.22), step * rng.uniform(0.55, 0.9)
            if rng.random() < 0.88:
                tilt = rng.normal(0, 0.03)
                put(canvas, turn(box(x, base - h, x + w, base), tilt, (x, base)), any_color(rng))
                put(canvas, box(x + 0.2 * w, base - 0.75 * h, x + 0.8 * w, base - 0.6 * h), any_color(rng))
            x += w * 1.04
        put(canvas, box(0, base, width, base + step * 0.07), wood)
    return canvas.color


def clutter(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Shapes of every kind over each other: a workshop, a market, posters; float RGB [height, width, 3]."""
    image = cloud(rng, height, width) if rng.random() < 0.5 else studio(rng, height, width)
    canvas, side = plain(height, width, np.zeros(3)), max(height, width)
    canvas.color[:] = np.clip(image, 0, 1)
    for _ in range(int(rng.integers(20, 90))):
        count = int(rng.integers(3, 8))
        outline = turn(rng.uniform(-1, 1, (count, 2)), rng.uniform(0, 6)) * side * rng.uniform(0.01, 0.16)
        outline = outline + rng.uniform(0, 1, 2) * (width, height)
        color = any_color(rng) if rng.random() < 0.75 else SKINS[rng.integers(len(SKINS))]
        put(canvas, spline(outline, 6, closed=True) if rng.random() < 0.5 else outline, color)
    things(rng, canvas, int(rng.integers(2, 12)))
    return grain(rng, canvas.color, side / 10, 0.2)
