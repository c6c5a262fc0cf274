"""Which image belongs to which alpha, found before any work begins."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..common.errors import ConfigError, DataError
from ..common.files import read_text
from ..common.text import count_of, first_few, natural_order
from ..config.dataset import UNLABELLED, DatasetSpec
from ..imaging import IMAGE_SUFFIXES, AlphaChannels, read_pair

_GET_DATA = """Data can be had in three ways; put its folder into the configuration as `dataset_root`:
  P3M-10k: download it from https://github.com/JizhiziLi/P3M and unpack it
  made-up portraits: python data/make_synthetic.py --output data/synthetic
  Clothing Co-Parsing: python data/prepare_ccp.py --source DIR --output data/CCP"""
_DOCTOR = "`python data/check_dataset.py CONFIG` lists them all."


@dataclass(frozen=True)
class Pair:
    """An image (AMD that is composed: a foreground) and its alpha; `name` is the image's file stem.

    Attributes:
        trimap: file whose unknown pixels evaluation scores; None: it takes the transition band of the alpha.
    """

    name: str
    image: Path
    alpha: Path
    trimap: Path | None = None

    def read(self, allow_rgb: AlphaChannels = False) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 RGB [H, W, 3] and alpha float32 [H, W] in [0, 1]; DataError where their sizes differ."""
        return read_pair(self.image, self.alpha, allow_rgb)


@dataclass(frozen=True)
class Match:
    """Outcome of matching two folders: the pairs, and the stems that stayed alone on either side."""

    pairs: list[Pair]
    without_alpha: list[str]
    without_image: list[str]


def find_pairs(spec: DatasetSpec) -> list[Pair]:
    """Pairs of a data set in natural order of their names ('2' before '10'), at most `spec.limit`, then `also`'s.

    'P3M-10k', 'PPM' and 'folder' match files by stem, whatever their extensions. For 'AMD' see
    `src.data.samples.MattingSamples`.

    Raises:
        ConfigError: the section names records, which are no files, or images without alphas.
        DataError: a folder is missing or holds no image, two files share a stem, or a file has no partner.
    """
    if spec.type == "MattingRecords":
        raise ConfigError(
            f"'{spec.dataset_root}' are records (`type: MattingRecords`), which only a training set can be. "
            "Give the folder of the images with `type: MattingDataset` here."
        )
    if spec.name == UNLABELLED:
        raise ConfigError(
            f"The '{UNLABELLED}' images of '{spec.dataset_root}' have no alphas to learn from or to score with. "
            "Adapt a trained network to them with `python train.py --soc`, or name a labelled data set."
        )
    if spec.also:
        return [pair for part in spec.parts() for pair in find_pairs(part)]
    if spec.name == "AMD":
        pairs = _amd_pairs(spec)
    else:
        images, alphas = folder_of(spec, "img_subpath"), folder_of(spec, "alpha_subpath")
        match = match_folders(images, alphas)
        _refuse_lonely("images", match.without_alpha, images, alphas)
        _refuse_lonely("alphas", match.without_image, alphas, images)
        pairs = match.pairs
    return pairs[: spec.limit]


def evaluation_pairs(spec: DatasetSpec) -> list[Pair]:
    """`find_pairs` for scoring full images, with trimaps where the section names a folder of them.

    Raises:
        ConfigError: AMD composed on the fly, which has no fixed images.
        DataError: as `find_pairs`, or an image has no trimap.
    """
    if spec.name == "AMD" and spec.img_subpath is None:
        raise ConfigError("Validation needs fixed images: give AMD's merged images as `img_subpath`.")
    if spec.also:
        return [pair for part in spec.parts() for pair in evaluation_pairs(part)]
    pairs = find_pairs(spec)
    if spec.trimap_subpath is None:
        return pairs
    trimaps = find_trimaps(folder_of(spec, "trimap_subpath"), [pair.name for pair in pairs])
    return [replace(pair, trimap=trimaps[pair.name]) for pair in pairs]


def find_trimaps(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """The trimap of each named image; DataError for images without. A folder may have others, too."""
    files = files_by_stem(folder)
    missing = [name for name in names if name not in files]
    if missing:
        raise DataError(
            f"No trimap in '{folder}' for {len(missing)} of {count_of(len(names), 'image')}: {first_few(missing)}. Add "
            "them under the images' names, or leave the trimaps out: the transition band is then made of the alphas."
        )
    return {name: files[name] for name in names}


def match_folders(images: Path, alphas: Path) -> Match:
    """Match two folders by file stem; DataError where one is missing, empty or has a stem twice."""
    image_of, alpha_of = files_by_stem(images), files_by_stem(alphas)
    names = natural_order(image_of)
    return Match(
        pairs=[Pair(name, image_of[name], alpha_of[name]) for name in names if name in alpha_of],
        without_alpha=[name for name in names if name not in alpha_of],
        without_image=[name for name in natural_order(alpha_of) if name not in image_of],
    )


def files_by_stem(folder: Path) -> dict[str, Path]:
    """Image files of a folder by stem; hidden files and other types are passed over.

    Raises:
        DataError: no such folder, no image in it, or two images of one stem.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError as error:
        raise DataError(f"Cannot list the data folder '{folder}': {error.strerror}. {_GET_DATA}") from error
    files: dict[str, Path] = {}
    twice: list[str] = []
    for name in names:
        path = folder / name
        if name.startswith(".") or path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        if path.stem in files:
            twice.append(f"{files[path.stem].name} and {name}")
        files[path.stem] = path
    if twice:
        raise DataError(
            f"In '{folder}' {len(twice)} names occur twice with different extensions: {first_few(twice)}. "
            "Remove one of each, so that an image has one alpha."
        )
    if not files:
        endings = " ".join(suffix[1:] for suffix in IMAGE_SUFFIXES)
        raise DataError(f"The data folder '{folder}' holds no image ({endings}). {_GET_DATA}")
    return files


def folder_of(spec: DatasetSpec, key: str) -> Path:
    """The folder that a section's key names, below its `dataset_root`; ConfigError where the key has no value."""
    name = getattr(spec, key)
    if name is None:
        raise ConfigError(f"`{key}` is missing: name the folder below `dataset_root`.")
    return Path(spec.dataset_root) / name


def _refuse_lonely(what: str, names: list[str], here: Path, there: Path) -> None:
    if names:
        raise DataError(
            f"{len(names)} {what} in '{here}' have no partner of the same name in '{there}': {first_few(names)}. "
            f"Add the missing files or remove these. {_DOCTOR}"
        )


def _amd_pairs(spec: DatasetSpec) -> list[Pair]:
    alphas_folder = folder_of(spec, "alpha_subpath")
    alphas, foregrounds = files_by_stem(alphas_folder), read_names(spec, "fg_names")
    if spec.img_subpath is None:
        folder = folder_of(spec, "fg_subpath")
        images = {Path(name).stem: path for name, path in listed_files(folder, foregrounds).items()}
        expected = {stem: stem for stem in images}
    else:
        folder = folder_of(spec, "img_subpath")
        images = files_by_stem(folder)
        expected = {name: Path(_foreground_of(name, foregrounds, spec)).stem for name in natural_order(images)}
    _refuse_lonely("images", [name for name, stem in expected.items() if stem not in alphas], folder, alphas_folder)
    return [Pair(name, images[name], alphas[stem]) for name, stem in expected.items()]


def read_names(spec: DatasetSpec, key: str) -> list[str]:
    """Lines of an AMD list file (`fg_names` or `bg_names`); DataError where it is missing or empty."""
    path = Path(spec.dataset_root) / getattr(spec, key)
    try:
        names = read_text(path).split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the name list '{path}' (`{key}`): {error}. One file name a line.") from error
    names = [name.strip() for name in names]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise DataError(f"The name list '{path}' (`{key}`) is empty. Write one file name a line.")
    return names


def listed_files(folder: Path, names: list[str]) -> dict[str, Path]:
    """Path of each listed name (matched by stem) in the list's order; DataError naming those that are missing."""
    files = files_by_stem(folder)
    missing = [name for name in names if Path(name).stem not in files]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(names)} listed names are not in '{folder}': {first_few(missing)}. "
            "Add these files or remove the lines."
        )
    return {name: files[Path(name).stem] for name in names}


def _foreground_of(name: str, foregrounds: list[str], spec: DatasetSpec) -> str:
    """Foreground file name of a merged image, whose name holds its line in the list, counted from 0."""
    number = name.split("!")[2:3] if "!" in name else name.split("_")[:1]
    if not number or not number[0].isdecimal() or int(number[0]) >= len(foregrounds):
        raise DataError(
            f"Merged image '{name}' in '{folder_of(spec, 'img_subpath')}' does not say which of the {len(foregrounds)} "
            f"foregrounds in '{spec.fg_names}' it shows. Names are F_B (training) or x!y!F!... (test) with F the "
            "foreground's line, counted from 0."
        )
    return foregrounds[int(number[0])]
