"""From the facts about single files to findings about a data set, and their text."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...common.text import first_few
from .inspect import Facts

_DUPLICATE_RMS = 4.0
_CHUNK = 512


@dataclass(frozen=True)
class Kind:
    """A kind of fault: does training fail of it, what is it, and how is it fixed."""

    fatal: bool
    what: str
    cure: str


KINDS = {
    "setup": Kind(True, "fault of the configuration or folders", ""),
    "no alpha": Kind(True, "images without alpha", "Add the alphas (same name, any extension) or remove the images."),
    "no image": Kind(True, "alphas without image", "Add the images (same name, any extension) or remove the alphas."),
    "unreadable image": Kind(True, "images that cannot be read", "Copy them again, or remove them with their alphas."),
    "unusable alpha": Kind(
        True, "alphas that cannot be used", "Copy them again, save them as 8- or 16-bit greyscale PNG, or remove both."
    ),
    "three channels": Kind(
        True,
        "alphas with several equal channels",
        "Set `alpha_allow_rgb: True` in this section to read the first one, or save them as greyscale PNG.",
    ),
    "size mismatch": Kind(
        True,
        "alphas of another size than their image",
        "Make the alphas again from these images. Swapped sides: the EXIF rotation was ignored when they were made.",
    ),
    "damaged": Kind(
        False,
        "files that decode with damage inside",
        "Look at them; copy them again, or remove both files of the pair.",
    ),
    "EXIF rotation": Kind(
        False,
        "images that carry an EXIF rotation",
        "It is applied on reading. Check that their alphas are upright; a half turn does not show in the sizes.",
    ),
    "dark alpha": Kind(
        False, "alphas that hold 0 and 1 instead of 0 and 255", "Multiply them by 255; as they are, nobody is there."
    ),
    "never opaque": Kind(False, "alphas that never reach 1", "Check how they were written: 255 (65535) means opaque."),
    "no person": Kind(False, "alphas that are 0 everywhere", "Remove the pairs unless these images show nobody."),
    "no background": Kind(False, "alphas that are 1 nearly everywhere", "Check them: such images teach little."),
    "binary alpha": Kind(
        False,
        "alphas with hard edges only",
        "They are masks, not mattes: hair and soft edges cannot be learned from them.",
    ),
    "shared": Kind(
        False,
        "images in training that validation has too",
        "Remove them from one of the two, else the validation scores are too good.",
    ),
}


@dataclass(frozen=True)
class Finding:
    """All faults of one kind: `details` are 'name (what was wrong)'."""

    kind: str
    details: list[str]

    @property
    def fatal(self) -> bool:
        return KINDS[self.kind].fatal

    def text(self) -> str:
        kind = KINDS[self.kind]
        head = "  ERROR  " if kind.fatal else "  warning"
        if self.kind == "setup":
            return "\n".join(f"{head} {detail}" for detail in self.details)
        return f"{head} {kind.what} ({len(self.details)}): {first_few(self.details)}\n          {kind.cure}"


def findings_of(facts: Iterable[Facts]) -> list[Finding]:
    """Faults of single files, gathered by kind in the order of `KINDS`."""
    details: dict[str, list[str]] = {}
    for fact in facts:
        for kind, detail in fact.faults.items():
            details.setdefault(kind, []).append(_detail(fact.name, kind, detail))
    return [Finding(kind, details[kind]) for kind in KINDS if kind in details]


def _detail(name: str, kind: str, detail: str) -> str:
    # These two carry a whole sentence that names the file already; its first part says what is wrong.
    return detail.split(". ")[0] if kind in ("unreadable image", "unusable alpha") else f"{name} ({detail})"


def statistics_text(facts: list[Facts]) -> str:
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


def shared_images(train: list[Facts], validation: list[Facts]) -> list[str]:
    """'training name = validation name' of images whose 16x16 thumbnails are the same.

    The same means a root mean square difference of at most 4 of 255 steps: copies saved as JPEG of quality 60 and
    shrunk to a half stayed below 2.7, and no two of 1,045 street photographs came closer than 6.9.
    """
    train = [fact for fact in train if fact.thumbnail is not None]
    validation = [fact for fact in validation if fact.thumbnail is not None]
    if not train or not validation:
        return []
    known = _flat(validation)
    found = []
    for start in range(0, len(train), _CHUNK):
        part = train[start : start + _CHUNK]
        same = _mean_squares(_flat(part), known) <= _DUPLICATE_RMS**2
        found.extend(f"{part[i].name} = {validation[j].name}" for i, j in np.argwhere(same))
    return found


def _flat(facts: list[Facts]) -> np.ndarray:
    return np.stack([fact.thumbnail.ravel() for fact in facts]).astype(np.float32)


def _mean_squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean squared difference of every row of a [N, D] to every row of b [M, D], [N, M]."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * (a @ b.T)
    return squares / a.shape[1]
