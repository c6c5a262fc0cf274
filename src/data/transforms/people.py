"""People as cut-outs: out of a sample or a file, resized, lit and laid on an image; what composes scenes shares it."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...imaging import composite, read_rgba, resize, unit_alpha
from .spatial import flipped, log_uniform, occupied

EDGE = 0.02  # alpha from which on a pixel belongs to the person: at a border, the person is cut by it


@dataclass(frozen=True)
class Person:
    """A person without background, cropped to what is visible.

    Attributes:
        foreground: uint8 RGB [H, W, 3].
        alpha: float32 [H, W] in [0, 1].
        cut: whether the person went on below; such a person must not end in mid-air.
    """

    foreground: np.ndarray
    alpha: np.ndarray
    cut: bool

    def sized(self, tall: int, broad: int, flip: bool) -> "Person":
        """The person resized to `tall` rows and `broad` columns, mirrored on demand."""
        foreground, alpha = resize(self.foreground, tall, broad), np.clip(resize(self.alpha, tall, broad), 0, 1)
        return Person(flipped(foreground), flipped(alpha), self.cut) if flip else Person(foreground, alpha, self.cut)

    def lying(self) -> "Person":
        """The person turned by a right angle."""
        foreground, alpha = (np.ascontiguousarray(np.rot90(array)) for array in (self.foreground, self.alpha))
        return Person(foreground, alpha, self.cut)


def cut_by_side(alpha: np.ndarray) -> bool:
    """Whether the person in float32 [H, W] reaches the left or the right border."""
    return bool(max(alpha[:, 0].max(), alpha[:, -1].max()) > EDGE)


def cut_out(foreground: np.ndarray, alpha: np.ndarray) -> Person:
    """Crop foreground uint8 [H, W, 3] and alpha float32 [H, W] to the person, who must be there."""
    rows, columns = occupied(alpha > EDGE)
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    cut = bool(rows[-1] == len(alpha) - 1)
    return Person(np.ascontiguousarray(foreground[window]), np.ascontiguousarray(alpha[window]), cut)


def read_person(path: Path) -> Person | None:
    """The person of an RGBA file as `data/make_cutouts.py` writes it; None where all of it is transparent."""
    pixels = read_rgba(path)
    alpha = unit_alpha(np.ascontiguousarray(pixels[..., 3]))
    return cut_out(pixels[..., :3], alpha) if alpha.max() > EDGE else None


def paste(image: np.ndarray, alpha: np.ndarray, person: Person, top: int, left: int) -> None:
    """Lay a person over an image, in place; what lies beyond the borders is lost.

    Args:
        image: uint8 [H, W, 3].
        alpha: float32 [H, W] of the people in it so far; becomes 1 - (1 - alpha) * (1 - person's).
        person: at its final size.
        top: where its first row comes to lie; may be negative.
        left: the same of its first column.
    """
    rows = slice(max(0, top), min(len(image), top + len(person.alpha)))
    columns = slice(max(0, left), min(image.shape[1], left + person.alpha.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    source = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    over = np.ascontiguousarray(person.alpha[source])
    under = np.ascontiguousarray(image[rows, columns])
    image[rows, columns] = composite(np.ascontiguousarray(person.foreground[source]), over, under)
    alpha[rows, columns] = over + alpha[rows, columns] * (1 - over)


def light(rng: np.random.Generator) -> np.ndarray:
    """Factors of red, green and blue, float64 [3]: an exposure and a tint."""
    return log_uniform(rng, 0.6, 1.4) * np.exp(rng.normal(0, 0.06, 3))


def relit(image: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Uint8 [H, W, 3] under another light, as `light` draws it."""
    levels = np.arange(256, dtype=np.float32)[None, :, None]
    return cv2.LUT(image, cv2.convertScaleAbs(levels * gain.astype(np.float32)))


def new_size(side: tuple[float, float], aspect: tuple[float, float], rng: np.random.Generator) -> tuple[int, int]:
    """Height and width of a new image: its shorter side in pixels and its width in its height are drawn."""
    shorter, ratio = rng.uniform(*side), log_uniform(rng, *aspect)
    return (round(shorter / ratio), round(shorter)) if ratio < 1 else (round(shorter), round(shorter * ratio))
