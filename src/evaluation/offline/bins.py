"""The raw files of offline inference: images, masks and results as `.bin` below one folder, with a manifest.

    <folder>/manifest.json          how the inputs were made, and a line an image
    <folder>/images/<name>.bin      network input [1, h, w, 3] or [1, 3, h, w]: float32, normalised, or uint8 pixels
    <folder>/masks/<name>.bin       true alpha float32 [H, W] in [0, 1] at the image's own size
    <folder>/output/<name>.bin      what a network said, float32 [h, w] in [0, 1]

Values lie row by row, little-endian, without a header. Nothing here needs a framework: a program on a device writes
the results in any language.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...common.errors import DataError
from ...common.files import write_text
from ...common.paths import REPOSITORY
from ...imaging import write_file
from ...spec.preprocess import Preprocess

IMAGES, MASKS, OUTPUT, MANIFEST = "images", "masks", "output", "manifest.json"
MANIFEST_VERSION = 1
FOLDER = REPOSITORY / "offline_infer" / "Bin" / "test"  # unless another one is named
_PREPARE = "Write the folder again: bash scripts/run_datapre.sh DATASET --output_path FOLDER."


@dataclass(frozen=True)
class BinEntry:
    """One image: its name, the (height, width) of its network input and of its mask."""

    name: str
    input_size: tuple[int, int]
    mask_size: tuple[int, int]


@dataclass(frozen=True)
class Manifest:
    """What lies in a folder of bins.

    Attributes:
        dataset: where the images came from.
        preprocess: how they became network inputs.
        dtype: of the inputs, 'float32' or 'uint8'.
        layout: of the inputs, 'NHWC' or 'NCHW'.
    """

    dataset: str
    preprocess: Preprocess
    dtype: str
    entries: tuple[BinEntry, ...]
    version: int = MANIFEST_VERSION
    layout: str = "NHWC"  # also where an earlier release wrote the manifest, which had no other

    def save(self, folder: Path) -> None:
        write_text(folder / MANIFEST, json.dumps(dataclasses.asdict(self), indent=1))

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """DataError: there is none, or it is damaged or of another version."""
        path = folder / MANIFEST
        try:
            return cls._from_plain(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise DataError(f"There are no prepared images in '{folder}': no {MANIFEST} ({error.strerror}). "
                            f"{_PREPARE}") from error  # fmt: skip
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"'{path}' cannot be read ({error!r}). {_PREPARE}") from error

    @classmethod
    def _from_plain(cls, values: Mapping[str, Any]) -> "Manifest":
        version, dtype, layout = values["version"], values["dtype"], values.get("layout", cls.layout)
        if version != MANIFEST_VERSION or dtype not in ("float32", "uint8") or layout not in ("NHWC", "NCHW"):
            raise ValueError(f"version {version!r}, dtype {dtype!r}, layout {layout!r}")
        pre = {key: tuple(v) if isinstance(v, list) else v for key, v in values["preprocess"].items()}
        entries = tuple(
            BinEntry(str(e["name"]), _size(e["input_size"]), _size(e["mask_size"])) for e in values["entries"]
        )
        if not entries:
            raise ValueError("no entries")
        return cls(values["dataset"], Preprocess(**pre), dtype, entries, layout=layout)


def _size(sides: Any) -> tuple[int, int]:
    height, width = sides
    return int(height), int(width)


def bin_path(folder: Path, part: str, name: str) -> Path:
    """Where the image `name` lies in a folder of bins; `part` is IMAGES, MASKS or OUTPUT."""
    return folder / part / f"{name}.bin"


def write_bin(path: Path, array: np.ndarray) -> None:
    """Write float32 or uint8 of any shape, little-endian, whole or not at all."""
    write_file(path, np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())


def read_bin(path: Path, dtype: str, shape: tuple[int, ...], fix: str) -> np.ndarray:
    """Read what `write_bin` or a device wrote.

    Args:
        fix: what the user can do about a file that is missing or of another size, for the message.

    Raises:
        DataError: that file.
    """
    kind = np.dtype(dtype).newbyteorder("<")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"'{path}' cannot be read ({error.strerror}). {fix}") from error
    expected = kind.itemsize * int(np.prod(shape))
    if len(data) != expected:
        sides = ", ".join(map(str, shape))
        raise DataError(f"'{path}' has {len(data)} bytes, {dtype} [{sides}] has {expected}. {fix}")
    return np.frombuffer(data, kind).astype(dtype, copy=False).reshape(shape)
