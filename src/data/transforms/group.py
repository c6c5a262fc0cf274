"""The person among others: groups, rows, crowds and faces, all of them foreground; bystanders far behind are not."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...imaging import estimate_foreground
from . import checks
from .background import images, out_of_focus
from .distractors import add_furniture, cluttered
from .ground import Figure, Ground, compared, stood
from .people import EDGE, Person, cut_by_side, cut_out, light, new_size, paste, read_person, relit
from .registry import Sample, Transform, register
from .spatial import log_uniform, occupied

COMPARABLE = 0.45  # of the largest person's height, from which on a person is foreground
_BYSTANDER = (0.1, 0.28)  # of the largest person's height: clearly below
_FURTHEST = 0.35  # of the image's height: where the largest is smaller, a bystander would be a speck
_NEAR = 48  # pixels round the person of which the foreground's estimate is made
_CUT_NEEDS = 0.5  # of the image's height: the least of a group with people who are cut below
_MORE_LARGE = 0.6  # exponent of the draw of heights: at 1 more than half of the groups would be below 0.3
_NOTHING = "Make cut-outs there with data/make_cutouts.py, or leave `people_dir` out to repeat the sample's person."


@register
@dataclass(frozen=True)
class GroupScene(Transform):
    """Compose the sample's person and others, cut out of other photographs, into a new image.

    The rule of what is foreground: everybody whose height is comparable to the largest person's, 0.45 of it or more,
    also when all of them are small in a wide image. Figures much smaller than the largest (below 0.3 of it, here 0.1
    to 0.28) and out of focus are background. Nothing is drawn between the two.

    People stand on one ground and are seen by one camera: whoever is further away is smaller, higher up and behind.
    Where they overlap, alpha is 1 - (1 - a) * (1 - b). Who is cut below in the source stands on the lower border;
    a sample's person who is cut by a side or by the upper border is left as it is. One light falls on all.

    Args:
        probability: of a change.
        people_dir: folder of cut-outs (`data/make_cutouts.py`); None repeats the sample's own person.
        background_dir: folder of images without people; None paints them all, as it does for one in five otherwise.
        most: most people who join the sample's; their number is drawn from 1 to this.
        side: [from, to] of the new image's shorter side in pixels.
        aspect: [from, to] of its width in its height.
        height: [from, to] of the largest person's height in the image's, on a logarithmic scale, more large than small.
        distractors: most things painted over the background.
        blur: [from, to] sigma in pixels of the background's blur, in half of the images; less behind small people.
        bystanders: probability of one to four small figures out of focus, where the largest person is large enough.
        turned: probability of a person to lie.
        furniture: probability of a person to stand or sit behind a counter or a table.
    """

    reads_alpha: ClassVar[bool] = True
    probability: float = 0.5
    people_dir: str | None = None
    background_dir: str | None = None
    most: int = 7
    side: tuple[float, float] = (448, 640)
    aspect: tuple[float, float] = (9 / 21, 16 / 9)
    height: tuple[float, float] = (0.05, 2.0)
    distractors: int = 3
    blur: tuple[float, float] = (0.0, 5.0)
    bystanders: float = 0.25
    turned: float = 0.03
    furniture: float = 0.08
    people: tuple[Path, ...] = field(init=False, repr=False, default=())
    files: tuple[Path, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        for name in ("probability", "bystanders", "turned", "furniture"):
            checks.number(name, getattr(self, name), 0, 1)
        checks.whole("most", self.most, 1)
        checks.whole("distractors", self.distractors, 0)
        for name, low, high in (("side", 32, 8192), ("aspect", 0.1, 10), ("height", 0.02, 20), ("blur", 0, 100)):
            object.__setattr__(self, name, checks.span(name, getattr(self, name), low, high))
        if self.people_dir is not None:
            object.__setattr__(self, "people", images(self.people_dir, "people_dir", _NOTHING))
        if self.background_dir is not None:
            object.__setattr__(self, "files", images(self.background_dir))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give a new 'image', uint8 [h, w, 3], and 'alpha', float32 [h, w] in [0, 1], or the sample as it is."""
        if rng.random() >= self.probability:
            return sample
        alpha = sample["alpha"]
        if cut_by_side(alpha) or alpha[0].max() > EDGE or alpha.max() < 0.5:
            return sample
        height, width = new_size(self.side, self.aspect, rng)
        people = [_own(sample), *self._others(sample, int(rng.integers(1, self.most + 1)), rng)]
        low, high = self.height
        share = low * (high / low) ** (rng.random() ** _MORE_LARGE)
        if people[0].cut:
            share = max(share, _CUT_NEEDS)
        if share < _CUT_NEEDS:
            people = [person for person in people if not person.cut]
        ground = Ground.drawn(share, height, width, rng)
        common = light(rng)
        image = self._behind(sample, ground, common, rng)
        matte = np.zeros((height, width), np.float32)
        for figure in stood(self._lying(people, rng), compared(len(people), COMPARABLE, rng), ground, rng):
            _lay(image, matte, figure, common, rng)
            if not (figure.person.cut or figure.lies) and rng.random() < self.furniture:
                _hide(image, matte, figure, rng)
        pixels = {key: value for key, value in sample.items() if key not in checks.PIXEL_KEYS}
        return {**pixels, "image": image, "alpha": matte}

    def _others(self, sample: Sample, count: int, rng: np.random.Generator) -> list[Person]:
        """That many different people; fewer where the folder has fewer."""
        if not self.people:
            return [_own(sample)] * count
        chosen = (self.people[i] for i in rng.choice(len(self.people), min(count, len(self.people)), replace=False))
        read = (read_person(path) for path in chosen if path.stem != sample.get("name"))
        return [person for person in read if person is not None]

    def _lying(self, people: Iterable[Person], rng: np.random.Generator) -> list[Person]:
        """Some of the people turned on their side; one who is cut below would show the cut."""
        return [person.lying() if not person.cut and rng.random() < self.turned else person for person in people]

    def _behind(self, sample: Sample, ground: Ground, common: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What is behind the people, uint8 RGB [height, width, 3]: the background, and perhaps bystanders in it."""
        image = cluttered(self.files, self.distractors, ground.height, ground.width, rng).copy()
        # What surrounds small people is as far away as they are, and as sharp.
        blur = rng.uniform(*self.blur) * rng.integers(2) * min(1, ground.tallest / (_FURTHEST * ground.height))
        if ground.tallest >= _FURTHEST * ground.height and rng.random() < self.bystanders:
            others = [person for person in self._others(sample, int(rng.integers(1, 5)), rng) if not person.cut]
            ratios = np.array([log_uniform(rng, *_BYSTANDER) for _ in others])
            unseen = np.zeros(image.shape[:2], np.float32)
            for figure in stood(others, ratios, ground, rng):
                _lay(image, unseen, figure, common, rng)
            blur = max(blur, 0.02 * ground.visible * rng.uniform(0.15, 0.45))
        return out_of_focus(image, blur)


def _own(sample: Sample) -> Person:
    """The sample's person; what is far from it costs no estimate."""
    image, alpha = sample["image"], sample["alpha"]
    rows, columns = occupied(alpha > EDGE)
    window = (
        slice(max(0, rows[0] - _NEAR), rows[-1] + 1 + _NEAR),
        slice(max(0, columns[0] - _NEAR), columns[-1] + 1 + _NEAR),
    )
    alpha = np.ascontiguousarray(alpha[window])
    if "foreground" in sample:
        return cut_out(sample["foreground"][window], alpha)
    return cut_out(estimate_foreground(np.ascontiguousarray(image[window]), alpha), alpha)


def _lay(image: np.ndarray, alpha: np.ndarray, figure: Figure, common: np.ndarray, rng: np.random.Generator) -> None:
    """Paste a figure, in place, in the common light, which falls a little differently on everybody."""
    person = figure.person.sized(*figure.size, flip=rng.random() < 0.5)
    gain = common * np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.02, 3))
    paste(image, alpha, replace(person, foreground=relit(person.foreground, gain)), figure.top, figure.left)


def _hide(image: np.ndarray, alpha: np.ndarray, figure: Figure, rng: np.random.Generator) -> None:
    """Put furniture before the lower part of a figure, in place."""
    tall, broad = figure.size
    rows = slice(max(0, figure.top + round(tall * rng.uniform(0.4, 0.7))), max(0, round(figure.top + 1.02 * tall)))
    left, right = (round(tall * rng.uniform(0.05, 0.4)) for _ in range(2))
    columns = slice(max(0, figure.left - left), max(0, figure.left + broad + right))
    add_furniture(image, rows, columns, rng)
    alpha[rows, columns] = 0
