"""What a configuration says about one data set: the zoo's keys, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..common.checks import check_choice, check_number, shown
from ..common.errors import ConfigError
from ..common.text import nearest
from ..spec.alpha import AlphaChannels

DATASET_TYPES = ("MattingDataset", "MattingRecords")
UNLABELLED = "unlabelled"
DATASET_NAMES = ("P3M-10k", "PPM", "AMD", "folder", UNLABELLED)
_PATHS = ("dataset_root", "img_subpath", "alpha_subpath", "trimap_subpath", "fg_names", "bg_names", "fg_subpath",
          "bg_subpath")  # fmt: skip
_OPTIONAL_PATHS = ("img_subpath", "trimap_subpath", "fg_names", "bg_names")
_ALSO = ("dataset_root", "img_subpath", "alpha_subpath", "trimap_subpath", "limit", "every")


@dataclass(frozen=True)
class DatasetSpec:
    """One data set section (`train_dataset` or `val_dataset`) of a configuration.

    Attributes:
        type: 'MattingDataset' reads image files. 'MattingRecords' reads, for training, what data/make_records.py
            made of such a section: `dataset_root` is then the folder of the records, all other keys stay.
        name: 'P3M-10k', 'PPM' and 'folder' are pairs of images and alphas matched by file stem; 'AMD' composes
            foregrounds on backgrounds (see `src.data.samples.MattingSamples`). 'unlabelled' has no alphas and is for
            `soc` alone: images of a folder, or frames of a video.
        dataset_root: folder that every other path starts from.
        img_subpath: folder of images; None for AMD composed while training, and where `dataset_root` itself is
            the unlabelled folder or video.
        alpha_subpath: folder of alphas.
        trimap_subpath: folder of trimaps (0, 128 and 255), named as the images, such as P3M-10k's `trimap`. Evaluation
            scores their unknown pixels in place of the transition band of the alphas; None: it does not.
        fg_names, bg_names: AMD: text files with one foreground (background) file name a line.
        fg_subpath, bg_subpath: AMD: folders of the foreground and background images.
        workers: processes that prepare samples; with 0 or 1 a thread of the training process does.
        batch_size: images a step and device.
        transforms: one dict a transform: 'type' and its parameters.
        alpha_allow_rgb: read alphas with three equal channels.
        alpha_channel: 4 reads the alpha of RGBA files from their fourth channel, the transparency; None: one channel.
        limit: use only the first so many images.
        every: of a video use each so many-th frame.
        also: further pairs of images for the same transforms: a list of mappings with `dataset_root` and, where
            they differ from this section's, `img_subpath`, `alpha_subpath`, `trimap_subpath`, `limit` and `every`.
    """

    dataset_root: str
    type: str = "MattingDataset"
    name: str = "P3M-10k"
    img_subpath: str | None = "image"
    alpha_subpath: str = "mask"
    trimap_subpath: str | None = None
    fg_names: str | None = None
    bg_names: str | None = None
    fg_subpath: str = "fg"
    bg_subpath: str = "bg"
    workers: int = 4
    batch_size: int = 16
    transforms: tuple[dict[str, Any], ...] = ()
    alpha_allow_rgb: bool = False
    alpha_channel: int | None = None
    limit: int | None = None
    every: int = 1
    also: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        check_choice("type", self.type, DATASET_TYPES)
        check_choice("name", self.name, DATASET_NAMES)
        for key in _PATHS:
            _check_path(key, getattr(self, key), optional=key in _OPTIONAL_PATHS)
        _check_count("workers", self.workers, least=0)
        _check_count("batch_size", self.batch_size, least=1)
        _check_count("every", self.every, least=1)
        if self.limit is not None:
            _check_count("limit", self.limit, least=1)
        if not isinstance(self.alpha_allow_rgb, bool):
            raise ConfigError(f"`alpha_allow_rgb` is True or False, got {self.alpha_allow_rgb!r}.")
        if self.alpha_channel not in (None, 4):
            raise ConfigError(f"`alpha_channel` is 4 for RGBA files, or left out, got {self.alpha_channel!r}.")
        if not isinstance(self.transforms, list | tuple) or not all(isinstance(t, Mapping) for t in self.transforms):
            raise ConfigError(f"`transforms` is a list of `- type: NAME` entries, got {self.transforms!r}.")
        object.__setattr__(self, "transforms", tuple(dict(t) for t in self.transforms))
        self._check_sources()
        self._check_also()

    def _check_sources(self) -> None:
        if self.name == UNLABELLED and self.type == "MattingRecords":
            raise ConfigError("Records hold images with alphas; `name: unlabelled` needs `type: MattingDataset`.")
        if self.name != "AMD":
            if self.img_subpath is None and self.name != UNLABELLED:
                raise ConfigError(f"`img_subpath` is missing: '{self.name}' needs a folder of images.")
            return
        if self.fg_names is None:
            raise ConfigError("`fg_names` is missing: AMD needs a text file with one foreground file name a line.")
        if self.img_subpath is None and self.bg_names is None:
            raise ConfigError("AMD without `img_subpath` composes by itself and needs `bg_names`, a text file too.")

    def _check_also(self) -> None:
        if not isinstance(self.also, list | tuple) or not all(isinstance(part, Mapping) for part in self.also):
            raise ConfigError(f"`also` is a list of `- dataset_root: FOLDER` entries, got {self.also!r}.")
        if self.also and self.name == "AMD":
            raise ConfigError("`also` adds pairs of images; AMD has none. Make a data set of its own of them.")
        object.__setattr__(self, "also", tuple(dict(part) for part in self.also))
        for part in self.also:
            for key in part:
                if key not in _ALSO:
                    raise ConfigError(f"Unknown key `{key}` in `also`.{nearest(key, _ALSO)}")
            if "dataset_root" not in part:
                raise ConfigError(f"An entry of `also` has no `dataset_root`: {part!r}.")

    @property
    def alpha_channels(self) -> AlphaChannels:
        """Which channels an alpha's file may have, as `src.imaging.read_alpha` takes it."""
        return "fourth" if self.alpha_channel == 4 else self.alpha_allow_rgb

    @property
    def source(self) -> Path:
        """The folder of the images, or the unlabelled video."""
        return Path(self.dataset_root) / (self.img_subpath or "")

    def parts(self) -> list["DatasetSpec"]:
        """The data sets that this section is made of, one for each folder; itself alone where `also` is empty."""
        own = replace(self, also=())
        afresh = {"limit": None} | ({"img_subpath": None} if self.name == UNLABELLED else {})
        return [own, *(replace(own, **(afresh | part)) for part in self.also)]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], section: str = "dataset") -> "DatasetSpec":
        """Build from a YAML section; ConfigError for an unknown key (with the nearest one) or a missing root.

        An AMD or unlabelled section that names no `img_subpath` has none.
        """
        if not isinstance(values, Mapping):
            raise ConfigError(f"`{section}` must be a section of `key: value` lines, got {values!r}.")
        values = dict(values)
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise ConfigError(f"Unknown key `{key}` in `{section}`.{nearest(key, known)}")
        if "dataset_root" not in values:
            raise ConfigError(f"`{section}` has no `dataset_root`: name the folder that holds the data set.")
        if values.get("name") in ("AMD", UNLABELLED):
            values.setdefault("img_subpath", None)
        return cls(**values)


def _check_path(key: str, value: Any, optional: bool) -> None:
    if value is None and optional:
        return
    if not isinstance(value, str) or (not value and key == "dataset_root"):
        raise ConfigError(f"`{key}` must be a path, got {value!r}.")


def _check_count(key: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"`{key}` must be a whole number of at least {least}, got {shown(value)}.")
    check_number(key, value)
