"""MMNet's configuration file, and where its users' data sets lie below a folder."""

from dataclasses import replace
from pathlib import Path

from ..common.paths import PACKAGE, REPOSITORY
from .dataset import DatasetSpec

_OF_A_WHEEL = PACKAGE / "configs"
DEFAULT_CONFIG = (_OF_A_WHEEL if _OF_A_WHEEL.is_dir() else REPOSITORY / "configs") / "MMNet.yml"
# Folders of images and alphas below the root by section: MMNet's own, then P3M-10k's.
FOLDERS = {
    "train_dataset": (("train/image", "train/mask"), ("train/blurred_image", "train/mask")),
    "val_dataset": (
        ("test/image", "test/mask"),
        ("validation/P3M-500-P/blurred_image", "validation/P3M-500-P/mask"),
    ),
}


def placed(spec: DatasetSpec, root: Path, section: str) -> DatasetSpec:
    """The data set in `root`, in the first of the section's folders that is there.

    Where none is there, the first one is named, for the error message that follows.
    """
    folders = FOLDERS[section]
    images, alphas = next((pair for pair in folders if (root / pair[0]).is_dir()), folders[0])
    return replace(spec, dataset_root=str(root), img_subpath=images, alpha_subpath=alphas)
