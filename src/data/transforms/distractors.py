"""Things that networks take for people: trunks and pillars, letters, logos, beams of light, painted over an image."""

from pathlib import Path

import cv2
import numpy as np

from .background import any_background
from .spatial import log_uniform

_LETTERS = np.array(list("ABCDEFGHIJKLMNOPRSTUVWabcdeghknorstu2345678&!"))
_MOST_LETTERS = 9


def add_distractors(image: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """A copy of uint8 RGB [H, W, 3] with `count` things painted over it, each of a random kind, place and colour."""
    image = image.copy()
    for _ in range(count):
        _PAINTERS[rng.integers(len(_PAINTERS))](image, rng)
    return image


def cluttered(files: tuple[Path, ...], most: int, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A background uint8 RGB [height, width, 3] with up to `most` things; one in five is painted despite files."""
    chosen = files if files and rng.random() < 0.8 else ()
    background = any_background(chosen, height, width, rng)
    return add_distractors(background, int(rng.integers(most + 1)), rng)


def add_furniture(image: np.ndarray, rows: slice, columns: slice, rng: np.random.Generator) -> None:
    """A counter, table or bench painted over that part of uint8 [H, W, 3], in place: a board and what is below it."""
    part = image[rows, columns]
    if not part.size:
        return
    height, width = part.shape[:2]
    grain = rng.standard_normal((max(2, height // 6), max(2, width // 30))).astype(np.float32)
    shade = 1 + rng.uniform(0.02, 0.2) * cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
    shade *= np.linspace(1, rng.uniform(0.5, 0.9), height, dtype=np.float32)[:, None]
    shade[: max(1, round(height * rng.uniform(0.05, 0.25)))] *= rng.uniform(1.05, 1.4)
    part[:] = np.clip(shade[..., None] * _color(rng), 0, 255).astype(np.uint8)


def _color(rng: np.random.Generator) -> np.ndarray:
    """Any brightness, little saturation more often than much; float64 [3] in [0, 255]."""
    return np.clip(rng.uniform(10, 245) + rng.normal(0, 60 * rng.random(), 3), 0, 255)


def _trunk(image: np.ndarray, rng: np.random.Generator) -> None:
    """An upright cylinder painted over uint8 [H, W, 3], lit from one side, its grain along it."""
    height, width = image.shape[:2]
    broad = max(4, round(width * log_uniform(rng, 0.03, 0.35)))
    tall = height if rng.random() < 0.6 else round(height * rng.uniform(0.3, 1))
    left, top = round(rng.uniform(-0.5, width - 0.5 * broad)), height - tall
    cells = max(2, tall // rng.integers(8, 60)), max(2, broad // rng.integers(2, 8))
    grain = cv2.resize(rng.standard_normal(cells).astype(np.float32), (broad, tall), interpolation=cv2.INTER_CUBIC)
    across = np.linspace(-1, 1, broad, dtype=np.float32)
    light = np.sqrt(np.maximum(0.08, 1 - np.square(across - rng.uniform(-0.5, 0.5))))
    shade = light * (1 + rng.uniform(0.05, 0.4) * grain)
    pixels = np.clip(shade[..., None] * _color(rng), 0, 255).astype(np.uint8)
    begin, end = max(0, left), min(width, left + broad)
    image[top:, begin:end] = pixels[:, begin - left : end - left]


def _word(image: np.ndarray, rng: np.random.Generator) -> None:
    """Thick letters painted over uint8 [H, W, 3], often with an outline."""
    height, width = image.shape[:2]
    word = "".join(rng.choice(_LETTERS, rng.integers(1, _MOST_LETTERS)))
    size = min(height, width) * log_uniform(rng, 0.05, 0.35) / 22
    origin = round(rng.uniform(-0.1, 0.8) * width), round(rng.uniform(0.1, 1) * height)
    font, thick = int(rng.integers(0, 8)), max(1, round(size * rng.uniform(1, 5)))
    if rng.random() < 0.5:
        cv2.putText(image, word, origin, font, size, _color(rng).tolist(), 2 * thick, cv2.LINE_AA)
    cv2.putText(image, word, origin, font, size, _color(rng).tolist(), thick, cv2.LINE_AA)


def _logo(image: np.ndarray, rng: np.random.Generator) -> None:
    """A few overlapping discs and convex shapes in one or two colours, painted over uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    center = rng.uniform(0, 1, 2) * (width, height)
    reach = min(height, width) * log_uniform(rng, 0.05, 0.35)
    colors = [_color(rng).tolist() for _ in range(2)]
    for _ in range(int(rng.integers(1, 5))):
        middle, color = center + rng.normal(0, 0.4 * reach, 2), colors[rng.integers(2)]
        if rng.random() < 0.5:
            axes = tuple(round(reach * rng.uniform(0.3, 1)) for _ in range(2))
            cv2.ellipse(
                image, tuple(map(round, middle)), axes, rng.uniform(0, 180), 0, 360, color, cv2.FILLED, cv2.LINE_AA
            )
        else:
            corners = (middle + rng.normal(0, 0.7 * reach, (6, 2))).astype(np.int32)
            cv2.fillConvexPoly(image, cv2.convexHull(corners), color, cv2.LINE_AA)


def _beam(image: np.ndarray, rng: np.random.Generator) -> None:
    """A cone of light or shade that fades to its borders, painted over uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    start, end = rng.uniform(-0.2, 1.2, (2, 2)) * (width, height)
    spread = rng.normal(0, 0.15 * width, 2)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.array([start, end - spread, end + spread], np.int32), (255,))
    strength = cv2.GaussianBlur(mask, (0, 0), 1 + 0.02 * width)[..., None] * np.float32(rng.uniform(0.2, 0.8) / 255)
    image[:] = image + strength * (_color(rng).astype(np.float32) - image)


_PAINTERS = _trunk, _trunk, _word, _logo, _beam
