"""The person somewhere else: another format of image, another place in it, another background."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...imaging import estimate_foreground
from . import checks
from .background import images, out_of_focus
from .distractors import cluttered
from .people import Person, cut_by_side, cut_out, light, new_size, paste, relit
from .registry import Sample, Transform, register
from .spatial import log_uniform

_MOST_ENLARGED = 2.0


@register
@dataclass(frozen=True)
class NewScene(Transform):
    """Put the person into a new image, from a small figure to a face that fills it, anywhere from left to right.

    Data sets show people in the middle of upright images; a network that has seen nothing else takes whatever is
    upright and large for a person. Here the place says nothing, and the background may hold what is upright, large
    or colourful too (see `src.data.transforms.distractors`). The person keeps its own light. A person who is cut by the
    image's lower border stays cut by it, one who is cut by a side is left where it is. Put crops behind it.

    Args:
        probability: of a change.
        background_dir: folder of images without people; None paints them all, as it does for one in five otherwise.
        side: [from, to] of the new image's shorter side in pixels.
        aspect: [from, to] of its width in its height.
        height: [from, to] of the person's height in the image's; above 1 the person goes on below the image.
        distractors: most things painted over the background.
        blur: [from, to] sigma in pixels of the background's blur, in half of the images.
        empty: share of new images without a person.
    """

    reads_alpha: ClassVar[bool] = True
    probability: float = 0.3
    background_dir: str | None = None
    side: tuple[float, float] = (448, 640)
    aspect: tuple[float, float] = (0.6, 1.8)
    height: tuple[float, float] = (0.4, 2.5)
    distractors: int = 4
    blur: tuple[float, float] = (0.0, 5.0)
    empty: float = 0.05
    files: tuple[Path, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        checks.number("probability", self.probability, 0, 1)
        checks.number("empty", self.empty, 0, 1)
        checks.whole("distractors", self.distractors, 0)
        for name, low, high in (("side", 32, 8192), ("aspect", 0.1, 10), ("height", 0.05, 20), ("blur", 0, 100)):
            object.__setattr__(self, name, checks.span(name, getattr(self, name), low, high))
        if self.background_dir is not None:
            object.__setattr__(self, "files", images(self.background_dir))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give a new 'image', uint8 [h, w, 3], and 'alpha', float32 [h, w] in [0, 1], or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        alpha = sample["alpha"]
        if cut_by_side(alpha) or alpha.max() < 0.5:
            return sample
        height, width = new_size(self.side, self.aspect, rng)
        background = self._background(height, width, rng)
        pixels = {key: value for key, value in sample.items() if key not in checks.PIXEL_KEYS}
        matte = np.zeros((height, width), np.float32)
        if rng.random() < self.empty:
            return {**pixels, "image": background, "alpha": matte}
        foreground = sample["foreground"] if "foreground" in sample else estimate_foreground(sample["image"], alpha)
        person, top, left = self._placed(cut_out(foreground, alpha), height, width, rng)
        lit = relit(person.foreground, light(rng))
        image = background.copy()  # without distractors and blur it may be the file's own pixels
        paste(image, matte, replace(person, foreground=lit), top, left)
        return {**pixels, "image": image, "alpha": matte}

    def _background(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """A background with distractors, uint8 RGB [height, width, 3]."""
        background = cluttered(self.files, self.distractors, height, width, rng)
        return out_of_focus(background, rng.uniform(*self.blur) * rng.integers(2))

    def _placed(self, person: Person, height: int, width: int, rng: np.random.Generator) -> tuple[Person, int, int]:
        """The person at its new size, and where its first row and column come to lie."""
        scale = min(_MOST_ENLARGED, height * log_uniform(rng, *self.height) / len(person.alpha))
        tall, broad = (max(1, round(scale * length)) for length in person.alpha.shape)
        leftmost, rightmost = sorted((-0.3 * broad, width - 0.7 * broad))
        top, left = _top(height, tall, person.cut, rng), round(rng.uniform(leftmost, rightmost))
        return person.sized(tall, broad, flip=rng.random() < 0.5), top, left


def _top(height: int, tall: int, cut: bool, rng: np.random.Generator) -> int:
    """First row of a person `tall` rows high: below the upper border, and where it is cut, down to the lower one."""
    top = round(height * rng.uniform(0.02, 0.25))
    if tall + top > height:
        return top
    return height - tall if cut else round(height - tall - rng.uniform(0, 0.3) * (height - tall))
