"""Where people stand in a composed image: one ground, one camera, the nearer before the further."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .people import Person
from .spatial import log_uniform

_MOST_ENLARGED = 2.5
_BODY = 2.6  # least height of a body in its width: what a person who is cut below would have


@dataclass(frozen=True)
class Figure:
    """A person and its place: `size` (rows, columns), first row and column, which may lie beyond the borders."""

    person: Person
    size: tuple[int, int]
    top: int
    left: int
    depth: float

    @property
    def lies(self) -> bool:
        """Whether the person lies, or is as broad as one who does."""
        return self.size[1] > self.size[0]


@dataclass(frozen=True)
class Ground:
    """A level ground in an image of `height` x `width`.

    Attributes:
        tallest: height in pixels of the largest person, also where only a part of it is in the image.
        horizon: row at which the ground ends.
        camera: its height above the ground in heights of a person: at 1 all heads are at the horizon; above it,
            those who are further away look over the heads of the others.
    """

    height: int
    width: int
    tallest: float
    horizon: float
    camera: float

    @classmethod
    def drawn(cls, share: float, height: int, width: int, rng: np.random.Generator) -> "Ground":
        """A random ground on which the largest person's height is `share` of the image's."""
        tallest, camera = share * height, rng.uniform(0.8, 1.4)
        free = height - tallest
        if free > 0.05 * height:
            feet = height - rng.uniform(0, 0.5) * free
        else:
            feet = height * rng.uniform(0.02, 0.25) + tallest
        return cls(height, width, tallest, feet - camera * tallest, camera)

    @property
    def visible(self) -> float:
        """Rows of the largest person that are in the image."""
        return min(self.tallest, self.height)

    def feet(self, ratio: float) -> float:
        """Row of the feet of somebody who seems `ratio` times as tall as the largest person does."""
        return self.horizon + self.camera * ratio * self.tallest


def compared(count: int, least: float, rng: np.random.Generator) -> np.ndarray:
    """Heights of people in the largest one's: float64 [count], from `least` to 1, at least one of them 1.

    They stand in a line, in two or three rows, or all over the place; some are shorter, as children are.
    """
    kind = rng.integers(3)
    if kind == 0:
        near = rng.uniform(0.9, 1, count)
    elif kind == 1:
        near = rng.choice([1, 0.85, 0.72], count) * rng.uniform(0.97, 1.03, count)
    else:
        near = np.array([log_uniform(rng, least, 1) for _ in range(count)])
    child = rng.random(count) < 0.12
    near = near * np.where(child, rng.uniform(0.55, 0.8, count), rng.uniform(0.92, 1, count))
    return np.maximum(near / near.max(), least)


def stood(people: Sequence[Person], ratios: np.ndarray, ground: Ground, rng: np.random.Generator) -> list[Figure]:
    """Places for people whose heights in the largest one's are given: the furthest comes first."""
    scales = [ratio * ground.tallest / _length(person) for person, ratio in zip(people, ratios, strict=False)]
    scales = [min(scale, _MOST_ENLARGED) for scale in scales]
    sizes = [_size(person, scale) for person, scale in zip(people, scales, strict=True)]
    middles = _middles([broad for _, broad in sizes], ground.width, rng)
    figures = []
    for person, scale, (tall, broad), ratio, middle in zip(people, scales, sizes, ratios, middles, strict=False):
        body = scale * _length(person)
        feet = ground.feet(ratio)
        # Who is cut below has the head where a whole one has it, and reaches the lower border.
        top = max(feet - (body if person.cut else tall), 0.01 * ground.height)
        top = min(top, ground.height - 0.4 * tall)
        if person.cut:
            top = max(top, ground.height - tall)
        figures.append(Figure(person, (tall, broad), round(top), round(middle - broad / 2), top + body))
    return sorted(figures, key=lambda figure: figure.depth)


def _length(person: Person) -> float:
    """Pixels from head to foot: of one who is cut below, what the width makes likely."""
    tall, broad = person.alpha.shape
    return max(tall, _BODY * broad) if person.cut else max(tall, broad)


def _size(person: Person, scale: float) -> tuple[int, int]:
    tall, broad = (max(1, round(scale * length)) for length in person.alpha.shape)
    return tall, broad


def _middles(widths: Sequence[int], full: int, rng: np.random.Generator) -> np.ndarray:
    """Columns of the people's middles, float64 [N]: side by side or overlapping, somewhere in the image's width."""
    count = len(widths)
    if not count:
        return np.zeros(0)
    step = float(np.mean(widths)) * log_uniform(rng, 0.45, 1.5)
    step = min(step, 0.95 * full / count)
    reach = step * (count - 1) / 2
    low, high = sorted((reach + 0.3 * widths[0], full - reach - 0.3 * widths[0]))
    places = rng.uniform(low, high) + step * (rng.permutation(count) - (count - 1) / 2 + rng.uniform(-0.2, 0.2, count))
    return np.clip(places, 0, full)
