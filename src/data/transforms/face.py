"""Faces made unrecognisable, as data sets that protect the people in them show them."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from . import checks
from .registry import Sample, Transform, register
from .spatial import occupied

_HEAD_IN_BREADTH = 0.42  # head's height in a person's breadth: shoulders in a portrait, elbows in a whole body
_TALLEST_HEAD = 0.9  # in the person's own height
_FACE = 0.30, 0.42  # half axes of the face, in the head's height
_LEAST_HEAD = 12  # pixels; what is smaller shows no face


@register
@dataclass(frozen=True)
class RandomFaceBlur(Transform):
    """Blur the face alone, with the outline of the person kept sharp.

    P3M-10k and other sets that protect privacy blur faces to a smooth patch; a network that has never seen one may
    take it for background. Nobody looks for faces here: the head is taken to be at the top of the person and as high
    as 0.42 of the person's breadth, which suits portraits and standing people alike. Goes before crops that may cut
    the head off.

    Args:
        probability: of a change; an image without a person stays as it is.
        sigma: [from, to] of the blur, in the head's height.
    """

    reads_alpha: ClassVar[bool] = True
    probability: float = 0.2
    sigma: tuple[float, float] = (0.04, 0.15)

    def __post_init__(self) -> None:
        checks.number("probability", self.probability, 0, 1)
        object.__setattr__(self, "sigma", checks.span("sigma", self.sigma, 0.005, 1))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give 'image', uint8 [H, W, 3], with the face blurred, or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        person = sample["alpha"] > 0.9
        rows, columns = occupied(person)
        if not len(rows):
            return sample
        head = min(_HEAD_IN_BREADTH * (columns[-1] - columns[0] + 1), _TALLEST_HEAD * len(rows))
        if head < _LEAST_HEAD:
            return sample
        face = _face(person, int(rows[0]), head, rng)
        if not face.any():  # of two people side by side, say
            return sample
        x, y, width, height = cv2.boundingRect(face)
        part = slice(y, y + height), slice(x, x + width)
        image = sample["image"].copy()
        image[part] = _blurred(image[part], face[part], head * rng.uniform(*self.sigma))
        return {**sample, "image": image}


def _face(person: np.ndarray, top: int, head: float, rng: np.random.Generator) -> np.ndarray:
    """An ellipse low in the head, a little random: uint8 [H, W], 1 within it and within the person."""
    weights = person[top : top + max(1, round(head))].sum(axis=0)
    x = float(np.average(np.arange(person.shape[1]), weights=weights)) + head * rng.uniform(-0.1, 0.1)
    y = top + head * rng.uniform(0.5, 0.65)
    half_width, half_height = (max(1, round(head * axis * rng.uniform(0.8, 1.2))) for axis in _FACE)
    middle, angle = (round(x), round(y)), rng.uniform(-20, 20)
    ellipse = np.zeros(person.shape, np.uint8)
    cv2.ellipse(ellipse, middle, (half_width, half_height), angle, 0, 360, (1,), cv2.FILLED)
    return ellipse * person


def _blurred(image: np.ndarray, where: np.ndarray, sigma: float) -> np.ndarray:
    """The image, uint8 [h, w, 3], blurred where the mask `where` [h, w] is not 0; no colour from elsewhere comes in."""
    inside = where.astype(np.float32)[..., None]
    weights = cv2.GaussianBlur(inside, (0, 0), sigma)[..., None]
    colours = cv2.GaussianBlur(image * inside, (0, 0), sigma) / np.maximum(weights, 1e-6)
    return np.where(inside > 0, np.rint(colours).clip(0, 255), image).astype(np.uint8)
