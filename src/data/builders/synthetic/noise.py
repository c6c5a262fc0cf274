"""Smooth random fields, float32 [H, W]."""

import cv2
import numpy as np

_FINE_CELL = 6.0


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, cell: tuple[float, float] | float, angle: float = 0.0
) -> np.ndarray:
    """Value noise, float32 [height, width] in [-1, 1].

    Its blobs are of about `cell` pixels: one number, or (down, across). `angle` (radians, clockwise) turns them.
    """
    if not height * width:
        return np.zeros((height, width), np.float32)
    step_y, step_x = (max(c, 1.0) for c in (cell if isinstance(cell, tuple) else (cell, cell)))
    # OpenCV's warp rounds positions to 1/32 of a grid cell, which shows where cells are many pixels wide:
    # wide noise is made small and then enlarged.
    shrink = max(int(min(step_y, step_x) / _FINE_CELL), 1)
    rows, columns = -(-height // shrink) + 1, -(-width // shrink) + 1
    field = _warped_grid(rng, rows, columns, (step_y / shrink, step_x / shrink), angle)
    if shrink == 1:
        return field[:height, :width]
    field = cv2.resize(field, (columns * shrink, rows * shrink), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(field[:height, :width])


def _warped_grid(
    rng: np.random.Generator, height: int, width: int, step: tuple[float, float], angle: float
) -> np.ndarray:
    """Random grid values read along turned axes, cubic interpolation, a random phase; float32 [height, width]."""
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.array([[c / step[1], s / step[1], 0.0], [-s / step[0], c / step[0], 0.0]])
    x = matrix[:, :1] * (0, width, 0, width) + matrix[:, 1:2] * (0, 0, height, height)
    matrix[:, 2] = 1 - x.min(1) + rng.uniform(0, 1, 2)
    columns, rows = (int(n) + 5 for n in np.ptp(x, axis=1))
    grid = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(grid, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)


def octaves(
    rng: np.random.Generator, height: int, width: int, cell: float, count: int = 4, gain: float = 0.5
) -> np.ndarray:
    """Sum of `count` value noises, each half the size and `gain` the strength of the last: float32, about [-1, 1]."""
    total, strength = np.zeros((height, width), np.float32), 1.0
    for _ in range(count):
        total += strength * smooth_noise(rng, height, width, cell)
        cell, strength = cell / 2, strength * gain
        if cell < 1:
            break
    return total * np.float32(1 - gain)


def ramp(height: int, width: int, angle: float) -> np.ndarray:
    """Linear gradient, float32 [height, width] from 0 to 1, in the direction `angle` (radians)."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    x = np.linspace(-1, 1, width, dtype=np.float32)[None] * np.float32(np.cos(angle))
    field = x + y
    return (field - field.min()) / max(float(np.ptp(field)), 1e-6)
