"""Streets, walls, trees and landscapes; each function gives float RGB [H, W, 3] in about [0, 1]."""

import numpy as np

from .canvas import Canvas
from .light import HAIRS, SKINS, any_color, jitter
from .noise import octaves, ramp, smooth_noise
from .props import box, grain, plain, put, things
from .shapes import ellipse, spline


def bricks(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A wall of bricks or tiles in a slight perspective; float RGB [height, width, 3]."""
    rows = int(rng.integers(8, 34))
    bh = height / rows
    bw = bh * rng.uniform(1.0, 3.2)
    base, mortar = jitter(rng, np.array([0.5, 0.27, 0.2], np.float32), 0.12), any_color(rng) * 0.5 + 0.3
    if rng.random() < 0.4:
        base = any_color(rng)
    slope = rng.uniform(-0.25, 0.25)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    v = (y + slope * (x - width / 2) * (y / height - 0.3)) / bh
    row = np.floor(v)
    u = x / bw + 0.5 * (row % 2)
    tone = rng.uniform(0.75, 1.25, 4096).astype(np.float32)
    which = (row * 57 + np.floor(u) * 131).astype(np.int64) % 4096
    gap = rng.uniform(0.03, 0.1)
    joint = np.minimum(np.minimum(u % 1, 1 - u % 1) * bw / bh, np.minimum(v % 1, 1 - v % 1))
    solid = np.clip((joint - gap) * bh, 0, 1)[..., None]
    image = mortar * (1 - solid) + base * tone[which][..., None] * solid
    return grain(rng, image, bh * 0.7, 0.25)


def lights(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A dark street with lamps far out of focus; float RGB [height, width, 3]."""
    canvas = plain(height, width, any_color(rng) * 0.2)
    side = max(height, width)
    for _ in range(int(rng.integers(15, 90))):
        center, radius = rng.uniform(0, 1, 2) * (width, height), side * rng.uniform(0.005, 0.05)
        color = jitter(rng, np.array([1.0, 0.8, 0.5], np.float32), 0.25)
        put(canvas, ellipse(center, radius, radius), color, 0.1 * radius, rng.uniform(0.15, 0.8))
    return canvas.color + 0.15 * ramp(height, width, np.pi / 2)[..., None] * any_color(rng)


def foliage(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Leaves in layers, with sky between them and trunks before them; float RGB [height, width, 3]."""
    green = jitter(rng, np.array([0.25, 0.38, 0.14], np.float32) * rng.uniform(0.5, 1.5), 0.06)
    canvas = plain(height, width, green * 0.3)
    sky = np.clip(smooth_noise(rng, height, width, height / 3) + 0.5 - 1.3 * ramp(height, width, np.pi / 2), 0, 1)
    canvas.color += sky[..., None] * np.array([0.75, 0.85, 0.95], np.float32) * rng.uniform(0.4, 1)
    side = max(height, width)
    for layer in range(3):
        size = side * rng.uniform(0.008, 0.03)
        for _ in range(6):
            tint = np.clip(jitter(rng, green * rng.uniform(0.4, 1.0 + 0.5 * layer), 0.04), 0, 1)
            count = int(rng.integers(30, 90))
            centers = rng.uniform(-0.05, 1.05, (count, 2)) * (width, height)
            for center in centers[:: max(1, 3 - layer)]:
                leaf = ellipse(center, size * rng.uniform(0.5, 1.6), size * 0.5, rng.uniform(0, 3), 10)
                put(canvas, leaf, tint)
    for _ in range(int(rng.integers(0, 4))):
        x, w = rng.uniform(0, width), side * rng.uniform(0.01, 0.05)
        lean = rng.normal(0, 0.08) * height
        trunk = np.array([(x, 0), (x + w, 0), (x + w + lean, height), (x - w / 2 + lean, height)])
        put(canvas, trunk, SKINS[8] * rng.uniform(0.5, 1.4))
    return grain(rng, canvas.color, side / 40, 0.35)


def landscape(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Sky, ridges and a plain or water; float RGB [height, width, 3]."""
    top = jitter(rng, np.array([0.35, 0.55, 0.85], np.float32), 0.12)
    low = jitter(rng, np.full(3, 0.85, np.float32), 0.1)
    sky = ramp(height, width, np.pi / 2)[..., None]
    canvas = plain(height, width, np.zeros(3))
    canvas.color[:] = top + (low - top) * sky
    clouds = np.clip(octaves(rng, height, width, width / 2, 6, 0.6) * 2 - rng.uniform(0, 0.8), 0, 1)[..., None]
    canvas.color += (0.97 - canvas.color) * clouds
    horizon = rng.uniform(0.35, 0.75)
    for k in range(int(rng.integers(1, 5))):
        x = np.linspace(0, width, 40)
        ridge = height * (horizon - 0.12 + 0.06 * k) - height * 0.12 * np.abs(octaves(rng, 1, 40, 14, 4)[0])
        outline = np.concatenate([np.stack([x, ridge], 1), [(width, height), (0, height)]])
        put(canvas, outline, any_color(rng) * 0.5 + 0.25 * low / (k + 1))
    image = canvas.color
    ground = (np.mgrid[:height, :width][0] > height * horizon)[..., None]
    grass = any_color(rng) * (0.8 + 0.35 * octaves(rng, height, width, width / 20, 5, 0.7))[..., None]
    return np.where(ground, grass, image)


def street(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """House fronts with windows, pavement, cars, signs and passers-by far away; float RGB [height, width, 3]."""
    canvas, side = plain(height, width, jitter(rng, np.array([0.7, 0.78, 0.85], np.float32), 0.1)), max(height, width)
    ground, x = height * rng.uniform(0.55, 0.85), -0.1 * width
    while x < width:
        w, top = side * rng.uniform(0.15, 0.5), height * rng.uniform(-0.5, 0.35)
        put(canvas, box(x, top, x + w, ground), any_color(rng) * 0.8)
        _windows(rng, canvas, x, top, w, ground)
        x += w
    put(canvas, box(0, ground, width, height + 2), np.ones(3) * rng.uniform(0.25, 0.65) + rng.normal(0, 0.03, 3))
    for _ in range(int(rng.integers(0, 4))):
        slant = rng.normal(0, 0.6) * width
        a, b, w = rng.uniform(0, width), rng.uniform(0, width), side * rng.uniform(0.005, 0.03)
        stripe = np.array([(a, ground), (a + w / 3, ground), (b + slant + w, height), (b + slant, height)])
        put(canvas, stripe, np.ones(3) * rng.uniform(0.3, 0.9))
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(-0.1, 1) * width, ground + side * rng.uniform(0, 0.05)
        _car(rng, canvas, x, y, side * rng.uniform(0.12, 0.3))
    for _ in range(int(rng.integers(0, 5))):
        x, y = rng.uniform(0, width), ground + side * rng.uniform(0.0, 0.06)
        _passer_by(rng, canvas, x, y, side * rng.uniform(0.08, 0.22))
    things(rng, canvas, int(rng.integers(0, 5)))
    return grain(rng, canvas.color, side / 25, 0.2)


def _windows(rng: np.random.Generator, canvas: Canvas, x: float, top: float, w: float, ground: float) -> None:
    columns, rows = int(rng.integers(2, 7)), int(rng.integers(3, 9))
    glass, frame = any_color(rng) * 0.4, any_color(rng)
    for i in range(columns):
        for j in range(rows):
            cx, cy = x + w * (i + 0.5) / columns, top + (ground - top) * (j + 0.5) / rows
            hw, hh = 0.3 * w / columns, 0.33 * (ground - top) / rows
            put(canvas, box(cx - hw * 1.15, cy - hh * 1.1, cx + hw * 1.15, cy + hh * 1.1), frame)
            put(canvas, box(cx - hw, cy - hh, cx + hw, cy + hh), glass * rng.uniform(0.5, 2.2))


def _car(rng: np.random.Generator, canvas: Canvas, x: float, y: float, w: float) -> None:
    color, unit = any_color(rng), np.array([w, -0.22 * w])
    shell = np.array([(0, 0), (0, 1), (0.2, 1.1), (0.35, 2), (0.7, 2), (0.85, 1.1), (1, 1), (1, 0)])
    put(canvas, spline(shell * unit + (x, y), 4, closed=True), color)
    put(canvas, np.array([(0.27, 1.1), (0.38, 1.8), (0.67, 1.8), (0.8, 1.1)]) * unit + (x, y), color * 0.2)
    for k in (0.22, 0.78):
        put(canvas, ellipse((x + k * w, y), 0.09 * w, 0.09 * w), np.ones(3) * 0.08)
        put(canvas, ellipse((x + k * w, y), 0.05 * w, 0.05 * w), np.ones(3) * 0.5)


def _passer_by(rng: np.random.Generator, canvas: Canvas, x: float, y: float, h: float) -> None:
    """A small, blurred figure that does not belong to the portrait."""
    soft, cloth = h * 0.02, any_color(rng)
    put(canvas, ellipse((x, y - 0.25 * h), 0.09 * h, 0.27 * h), any_color(rng) * 0.5, soft)
    put(canvas, ellipse((x, y - 0.62 * h), 0.13 * h, 0.22 * h), cloth, soft)
    put(canvas, ellipse((x, y - 0.92 * h), 0.055 * h, 0.075 * h), SKINS[rng.integers(len(SKINS))], soft)
    put(canvas, ellipse((x, y - 0.96 * h), 0.058 * h, 0.05 * h), HAIRS[rng.integers(len(HAIRS))], soft)
