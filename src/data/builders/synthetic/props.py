"""What places are put together from: flat shapes, grain, and things that stand about. Colours are RGB in [0, 1]."""

import cv2
import numpy as np

from .canvas import Canvas
from .light import HAIRS, SKINS, any_color
from .noise import octaves
from .shapes import ellipse, spline

_WORDS = ("OPEN", "CAFE", "24h", "SALE", "Hotel", "Bus 42", "EXIT", "Nord", "Rue", "Ab 9", "No. 7", "TAXI")


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Corners, float64 [4, 2], of an upright rectangle."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)


def plain(height: int, width: int, color: np.ndarray) -> Canvas:
    """An opaque canvas of one colour, float RGB [3] in [0, 1]."""
    canvas = Canvas(height, width)
    canvas.color[:] = color
    canvas.alpha[:] = 1
    return canvas


def put(canvas: Canvas, outline: np.ndarray, color: np.ndarray, soft: float = 0.0, strength: float = 1.0) -> None:
    """Lay a flat shape, outline float [N, 2] in pixels, over a canvas; `soft` (pixels) blurs its edge."""
    canvas.over(canvas.polygon(outline, soft=soft).times(strength), np.clip(color, 0, 1))


def grain(rng: np.random.Generator, image: np.ndarray, cell: float, strength: float) -> np.ndarray:
    """Multiply an image, float [H, W, 3], by noise of about `cell` pixels and finer."""
    h, w = image.shape[:2]
    return image * (1 + strength * octaves(rng, h, w, cell, 4))[..., None]


def things(rng: np.random.Generator, canvas: Canvas, count: int) -> None:
    """Poles, signs with words, pots and lamps in the colours of cloth, skin and hair."""
    height, width = canvas.alpha.shape
    side = max(height, width)
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(0.05, 0.9) * height
        kind, color = rng.integers(4), any_color(rng)
        if kind == 0:
            w = side * rng.uniform(0.004, 0.02)
            put(canvas, box(x, rng.uniform(-1, 0.5) * height, x + w, height), color)
        elif kind == 1:
            _text(rng, canvas, x, y, side * rng.uniform(0.03, 0.09))
        elif kind == 2:
            tone = np.concatenate([SKINS, HAIRS])[rng.integers(len(SKINS) + len(HAIRS))]
            put(canvas, ellipse((x, y), side * rng.uniform(0.02, 0.09), side * rng.uniform(0.02, 0.12)), tone)
        else:
            curve = spline(rng.uniform(-0.2, 0.2, (4, 2)) * side + (x, y), 8)
            canvas.over(canvas.lines([curve], side * rng.uniform(0.002, 0.012)), color)


def _text(rng: np.random.Generator, canvas: Canvas, x: float, y: float, size: float) -> None:
    word = str(rng.choice(_WORDS))
    put(canvas, box(x - 0.2 * size, y - 1.2 * size, x + 0.75 * size * len(word), y + 0.4 * size), any_color(rng))
    image = np.zeros(canvas.alpha.shape, np.uint8)
    cv2.putText(
        image, word, (int(x), int(y)), int(rng.integers(0, 5)), size / 28, (255,), max(int(size / 10), 1), cv2.LINE_AA
    )
    canvas.color += (image[..., None] / np.float32(255)) * (any_color(rng) - canvas.color)
