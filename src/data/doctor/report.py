"""From the facts about single files to findings about a data set, and their text."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...common.text import first_few
from .faults import FAULT_KINDS
from .inspect import THUMBNAIL_SIDE, ImageFacts

_DUPLICATE_RMS = 4.0
_CHUNK = 512


@dataclass(frozen=True)
class Finding:
    """All faults of one kind (a key of `FAULT_KINDS`): `details` are 'name (what was wrong)'."""

    kind: str
    details: list[str]

    @property
    def fatal(self) -> bool:
        """Whether training would fail of it."""
        return FAULT_KINDS[self.kind].fatal

    def text(self) -> str:
        """The finding as lines for the terminal."""
        kind = FAULT_KINDS[self.kind]
        head = "  ERROR  " if kind.fatal else "  warning"
        if self.kind == "setup":
            return "\n".join(f"{head} {detail}" for detail in self.details)
        return f"{head} {kind.what} ({len(self.details)}): {first_few(self.details)}\n          {kind.cure}"


def findings_of(facts: Iterable[ImageFacts]) -> list[Finding]:
    """Faults of single files, gathered by kind in the order of `FAULT_KINDS`."""
    details: dict[str, list[str]] = {}
    for fact in facts:
        for kind, detail in fact.faults.items():
            details.setdefault(kind, []).append(_detail(fact.name, kind, detail))
    return [Finding(kind, details[kind]) for kind in FAULT_KINDS if kind in details]


def _detail(name: str, kind: str, detail: str) -> str:
    # These two carry a whole sentence that names the file already; its first part says what is wrong.
    return detail.split(". ")[0] if kind in ("unreadable image", "unusable alpha") else f"{name} ({detail})"


def statistics_text(facts: list[ImageFacts]) -> str:
    """Sizes, the person's share and the soft share over the files that could be read."""
    lines = []
    sizes = np.array([fact.size for fact in facts if fact.size is not None])
    if len(sizes):
        short = sizes.min(axis=1)
        lines.append(
            f"  shorter side {short.min()} / {int(np.median(short))} / {short.max()} pixels (min / median / max)"
        )
    shares = np.array([(fact.share, fact.soft) for fact in facts if fact.share is not None])
    if len(shares):
        low, middle, high = np.quantile(shares[:, 0], (0, 0.5, 1))
        lines.append(f"  person's share of the image {low:.3f} / {middle:.3f} / {high:.3f} (min / median / max)")
        lines.append(f"  soft pixels (0.02 < alpha < 0.98) {100 * np.median(shares[:, 1]):.2f} % (median)")
    return "\n".join(lines)


def shared_images(train: list[ImageFacts], validation: list[ImageFacts]) -> list[str]:
    """'training name = validation name' of images whose 16x16 thumbnails are the same.

    The same means a root mean square difference of at most 4 of 255 steps: copies saved as JPEG of quality 60 and
    shrunk to a half stayed below 2.7, and no two of 1,045 street photographs came closer than 6.9.
    """
    train_names, seen = _thumbnails(train)
    validation_names, known = _thumbnails(validation)
    found: list[str] = []
    for start in range(0, len(train_names), _CHUNK):
        same = _mean_squares(seen[start : start + _CHUNK], known) <= _DUPLICATE_RMS**2
        found.extend(f"{train_names[start + i]} = {validation_names[j]}" for i, j in np.argwhere(same))
    return found


def _thumbnails(facts: list[ImageFacts]) -> tuple[list[str], np.ndarray]:
    """Names of the images that could be read, and their thumbnails as rows, float32 [N, D] in [0, 255]."""
    read = [(fact.name, fact.thumbnail.ravel()) for fact in facts if fact.thumbnail is not None]
    rows = np.array([row for _, row in read], np.float32).reshape(len(read), 3 * THUMBNAIL_SIDE**2)
    return [name for name, _ in read], rows


def _mean_squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean squared difference of every row of `a` [N, D] to every row of `b` [M, D], float32 [N, M]."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * (a @ b.T)
    return squares / a.shape[1]
