"""Raw files between the programs: images, masks and results as `.bin` below one folder, with a manifest.

    <folder>/manifest.json          how the inputs were made, and a line an image
    <folder>/images/<name>.bin      network input [1, h, w, 3] or [1, 3, h, w]: float32, normalised, or uint8 pixels
    <folder>/masks/<name>.bin       true alpha float32 [H, W] in [0, 1] at the image's own size
    <folder>/output/<name>.bin      what a network said, float32 [h, w] in [0, 1]

Values lie row by row, little-endian, without a header. Nothing here needs a framework: a program on a device writes
the results in any language.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...common.errors import DataError, ModelError, NetworkError, OutputError
from ...common.files import make_folder, own_folder, read_json, write_text
from ...common.paths import USER_FOLDER
from ...imaging import write_file
from ...model_file.contract import read_preprocess
from ...runtime.base import Predictor
from ...spec.preprocess import Preprocess
from .prepare import InputRecipe
from .store import Inputs, InputWriter, Outputs, Truth

IMAGES, MASKS, OUTPUT, MANIFEST = "images", "masks", "output", "manifest.json"
RUN = "run.json"  # which model made the results, and the seconds that its network took; written last
MANIFEST_VERSION = 1
FOLDER = USER_FOLDER / "offline_infer" / "Bin" / "test"  # unless another one is named
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
        """Write the manifest into a folder of bins."""
        write_text(folder / MANIFEST, json.dumps(dataclasses.asdict(self), indent=1))

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """DataError: there is none, or it is damaged or of another version."""
        path = folder / MANIFEST
        try:
            return cls._from_plain(read_json(path))
        except OSError as error:
            raise DataError(f"There are no prepared images in '{folder}': no {MANIFEST} ({error.strerror}). "
                            f"{_PREPARE}") from error  # fmt: skip
        except (AttributeError, KeyError, TypeError, ValueError, NetworkError) as error:
            raise DataError(f"'{path}' cannot be read ({error!r}). {_PREPARE}") from error

    @classmethod
    def _from_plain(cls, values: Mapping[str, Any]) -> "Manifest":
        version, dtype, layout = values["version"], values["dtype"], values.get("layout", cls.layout)
        if version != MANIFEST_VERSION or dtype not in ("float32", "uint8") or layout not in ("NHWC", "NCHW"):
            raise ValueError(f"version {version!r}, dtype {dtype!r}, layout {layout!r}")
        preprocess = read_preprocess(values["preprocess"])
        entries = tuple(
            BinEntry(str(e["name"]), _size(e["input_size"]), _size(e["mask_size"])) for e in values["entries"]
        )
        if not entries:
            raise ValueError("no entries")
        return cls(values["dataset"], preprocess, dtype, entries, layout=layout)


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
        path: The file.
        dtype: Of its values, 'float32' or 'uint8'.
        shape: Of the array that is returned.
        fix: What the user can do about a file that is missing or of another size, for the message.

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


class BinInputWriter(InputWriter):
    """Inputs and masks below one folder, and at last the manifest: a folder that has one is complete."""

    def __init__(self, folder: Path, dataset: str, recipe: InputRecipe) -> None:
        if (folder / MANIFEST).exists():
            raise OutputError(f"'{folder}' holds prepared images already. Give another --output_path, or remove that "
                              "folder first.")  # fmt: skip
        self.folder, self.dataset, self.recipe = folder, dataset, recipe
        self._entries: list[BinEntry] = []

    def write(self, name: str, x: np.ndarray, alpha: np.ndarray | None) -> None:
        """Keep an input and its alpha; see `InputWriter.write`."""
        if alpha is None:
            raise DataError(f"'{name}' has no alpha; a folder of bins holds the masks, too.")
        if not self._entries:
            own_folder(self.folder)
            for part in (IMAGES, MASKS):
                make_folder(self.folder / part)
        write_bin(bin_path(self.folder, IMAGES, name), x)
        write_bin(bin_path(self.folder, MASKS, name), alpha)
        sides = x.shape[1:3] if self.recipe.form.layout == "NHWC" else x.shape[2:]
        self._entries.append(BinEntry(name, _size(sides), _size(alpha.shape)))

    def finish(self) -> None:
        """Write the manifest."""
        form = self.recipe.form
        entries = tuple(self._entries)
        Manifest(self.dataset, self.recipe.preprocess, form.dtype, entries, layout=form.layout).save(self.folder)


class BinInputs(Inputs):
    """Inputs of a folder of bins; DataError where it has no manifest."""

    cure = "Write the folder again with scripts/run_datapre.sh."

    def __init__(self, folder: Path) -> None:
        self.folder, self.manifest = folder, Manifest.load(folder)
        self._sizes = {entry.name: entry.input_size for entry in self.manifest.entries}
        self.names = list(self._sizes)

    def check(self, predictor: Predictor, model: str) -> None:
        """ModelError where the network takes other inputs than those that were prepared."""
        manifest, form = self.manifest, predictor.form
        fix = f"Prepare them for it: bash scripts/run_datapre.sh DATASET --model {model} --output_path FOLDER."
        expected, found = f"{form.dtype} {form.layout}", f"{manifest.dtype} {manifest.layout}"
        if expected != found:
            raise ModelError(f"{model} takes {expected}, the images in '{self.folder}' are {found}. {fix}")
        if predictor.preprocess != manifest.preprocess:
            raise ModelError(
                f"The images in '{self.folder}' were prepared with {manifest.preprocess}, {model} takes "
                f"{predictor.preprocess}. {fix} Or give the --ref_size that they were prepared with."
            )

    def path(self, name: str) -> Path:
        """See `Inputs.path`."""
        return bin_path(self.folder, IMAGES, name)

    def read(self, name: str) -> np.ndarray:
        """See `Inputs.read`."""
        size = self._sizes[name]
        shape = (1, *size, 3) if self.manifest.layout == "NHWC" else (1, 3, *size)
        return read_bin(self.path(name), self.manifest.dtype, shape, self.cure)


class BinOutputs(Outputs):
    """Outputs as `<name>.bin` in a folder of their own; what a device wrote has no `run.json`.

    Args:
        inputs: Folder of the bins that they are of.
        folder: Folder of the outputs; `inputs`/output by default.
    """

    def __init__(self, inputs: Path, folder: Path | None = None) -> None:
        self.folder = folder or inputs / OUTPUT
        self._sizes = {entry.name: entry.input_size for entry in Manifest.load(inputs).entries}

    def begin(self) -> None:
        """See `Outputs.begin`."""
        if (self.folder / RUN).exists():
            raise OutputError(f"'{self.folder}' holds the results of an earlier run. Give another --output_path, or "
                              "remove that folder first.")  # fmt: skip
        make_folder(self.folder)

    def write(self, name: str, output: np.ndarray) -> None:
        """See `Outputs.write`."""
        write_bin(self.path(name), output.reshape(self._sizes[name]).astype(np.float32, copy=False))

    def finish(self, model: str, seconds: float) -> None:
        """Write which model it was, and its seconds."""
        write_text(self.folder / RUN, json.dumps({"model": model, "network_seconds": seconds}))

    def path(self, name: str) -> Path:
        """See `Outputs.path`."""
        return self.folder / f"{name}.bin"

    def read(self, name: str) -> np.ndarray:
        """See `Outputs.read`."""
        return read_bin(self.path(name), "float32", self._sizes[name], "Run offline_infer/infer.py over the images, "
                        "or name the folder of the results with --output.")  # fmt: skip

    def check_names(self, names: Sequence[str], source: str) -> None:
        """Nothing: the manifest names the images, and an output that is missing is refused when its turn comes."""

    def origin(self) -> tuple[str, float]:
        """Model and network seconds of our own run; of another program's the folder and 0."""
        try:
            values = read_json(self.folder / RUN)
            return str(values["model"]), float(values["network_seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            return str(self.folder), 0.0


class BinTruth(Truth):
    """Masks of a folder of bins; DataError where it has no manifest."""

    def __init__(self, folder: Path) -> None:
        manifest = Manifest.load(folder)
        self.folder, self.source, self.preprocess = folder, manifest.dataset, manifest.preprocess
        self._sizes = {entry.name: entry.mask_size for entry in manifest.entries}
        self.names = list(self._sizes)

    def read(self, name: str) -> tuple[np.ndarray | None, np.ndarray]:
        """See `Truth.read`; images are not at hand."""
        fix = "Write the folder again with scripts/run_datapre.sh."
        return None, read_bin(bin_path(self.folder, MASKS, name), "float32", self._sizes[name], fix)
