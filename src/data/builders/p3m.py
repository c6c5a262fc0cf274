"""The folder structure of P3M-10k, which every builder of image and alpha pairs writes."""

from pathlib import Path

TRAIN = Path("train")
VALIDATION = Path("validation/P3M-500-P")


def image_path(root: Path, part: Path, name: str) -> Path:
    """Where an image of a part (TRAIN or VALIDATION) lies."""
    return root / part / "blurred_image" / name


def alpha_path(root: Path, part: Path, stem: str) -> Path:
    """Where the alpha of an image lies."""
    return root / part / "mask" / f"{stem}.png"
