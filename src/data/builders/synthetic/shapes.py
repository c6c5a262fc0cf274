"""Curves and outlines: arrays, float64 [N, 2], of (x, y), in pixels or in head heights."""

import numpy as np

Point = tuple[float, float] | np.ndarray


def spline(points: np.ndarray, per_piece: int = 8, closed: bool = False) -> np.ndarray:
    """Catmull-Rom curve, float64 [..., M, 2], through `points` [..., N, 2]; leading axes are independent curves."""
    p = np.asarray(points, np.float64)
    if closed:
        p = np.concatenate([p[..., -1:, :], p, p[..., :2, :]], axis=-2)
    else:
        p = np.concatenate([p[..., :1, :], p, p[..., -1:, :]], axis=-2)
    t = np.arange(per_piece)[:, None] / per_piece
    a, b, c, d = (p[..., i : p.shape[-2] - 3 + i, None, :] for i in range(4))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    curve = curve.reshape(*p.shape[:-2], -1, 2)
    return curve if closed else np.concatenate([curve, p[..., -2:-1, :]], axis=-2)


def ellipse(center: Point, rx: float, ry: float, angle: float = 0.0, count: int = 40) -> np.ndarray:
    """Outline, float64 [count, 2], of an ellipse; `angle` in radians, clockwise on the screen."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return turn(np.stack([rx * np.cos(t), ry * np.sin(t)], 1), angle) + center


def turn(points: np.ndarray, angle: float, center: Point = (0.0, 0.0)) -> np.ndarray:
    """Rotate points, float64 [..., 2], about `center` by `angle` radians, clockwise on the screen (y goes down)."""
    c, s = np.cos(angle), np.sin(angle)
    q = np.asarray(points, np.float64) - center
    return np.stack([c * q[..., 0] - s * q[..., 1], s * q[..., 0] + c * q[..., 1]], -1) + center


def limb(joints: np.ndarray, radii: list[float], per_piece: int = 8) -> np.ndarray:
    """Outline, float64 [M, 2], of a tapered tube along a smooth curve through `joints` [N, 2], with round ends."""
    line = spline(joints, per_piece)
    at = np.linspace(0, len(radii) - 1, len(line))
    r = np.interp(at, np.arange(len(radii)), radii)[:, None]
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    half = np.linspace(-np.pi / 2, np.pi / 2, 7)[1:-1, None]
    end = line[-1] + r[-1] * (np.cos(half) * tangent[-1] - np.sin(half) * normal[-1])
    start = line[0] - r[0] * (np.cos(half) * tangent[0] - np.sin(half) * normal[0])
    return np.concatenate([line + r * normal, end, (line - r * normal)[::-1], start])


def mirror(points: np.ndarray) -> np.ndarray:
    """A left half's outline [N, 2], from top to bottom, closed with its mirror image about x = 0: float64 [2 N, 2]."""
    half = np.asarray(points, np.float64)
    return np.concatenate([half, half[::-1] * (-1, 1)])


def between(inner: np.ndarray, outer: np.ndarray, blend: np.ndarray) -> np.ndarray:
    """Curves, float64 [B, N, 2], between two guide curves [N, 2]; `blend` [B] is 0 on the inner, 1 on the outer one."""
    b = np.asarray(blend, np.float64)[:, None, None]
    return inner * (1 - b) + outer * b


def resample(curve: np.ndarray, count: int) -> np.ndarray:
    """A curve [N, 2] as points at equal distances, float64 [count, 2]."""
    step = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    at = np.concatenate([[0], np.cumsum(step)])
    distances = np.linspace(0, at[-1], count)
    return np.stack([np.interp(distances, at, curve[:, k]) for k in range(2)], 1)
