"""npz files between the programs: `<name>.npz` with `input`, a list of them, and `<name>.npz` with `output`.

Whoever runs the network turns each file of the list into one of the same name. Outputs are float [1, 1, h, w],
[1, h, w] or [h, w] in [0, 1].
"""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...common.errors import DataError
from ...common.files import make_folder, read_text, whole_file, write_text
from ...common.text import count_of, first_few, natural_order
from ...data.pairs import Pair
from ...imaging import AlphaChannels, read_alpha, read_pair
from ...spec.preprocess import Preprocess
from .store import Inputs, InputWriter, Outputs, Truth, refuse_twice

INPUT, OUTPUT, DATALIST = "input", "output", "npz_datalist.txt"
DEVICE_OUTPUT = "output_0"  # as the vendor's runner names a network's first output


class NpzInputWriter(InputWriter):
    """Inputs as `<name>.npz` in a folder, and at last the list of them.

    The list has a name a line, from its own folder; where `datalist` puts it elsewhere, it has whole paths.
    """

    def __init__(self, folder: Path, datalist: Path | None = None) -> None:
        self.folder = folder
        self.datalist = datalist or folder / DATALIST
        self._prefix = f"{folder.resolve()}/" if datalist else ""
        self._written: list[str] = []

    def write(self, name: str, x: np.ndarray, alpha: np.ndarray | None) -> None:
        """Keep an input; see `InputWriter.write`. Alphas are not kept."""
        write_npz(self.folder / f"{name}.npz", INPUT, x)
        self._written.append(name)

    def finish(self) -> None:
        """Write the list."""
        make_folder(self.datalist.parent)
        write_text(self.datalist, "".join(f"{self._prefix}{name}.npz\n" for name in self._written))


class NpzInputs(Inputs):
    """Inputs in npz files, which may lie anywhere."""

    cure = "Make it with scripts/image2npz.py and this model as --model."

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = {file.stem: file for file in files}
        self.names = list(self._files)

    @classmethod
    def of_list(cls, path: Path) -> "NpzInputs":
        """Those that a list names; DataError where it cannot be read, is empty, or a file or a name is missing."""
        return cls(read_datalist(path))

    def path(self, name: str) -> Path:
        """See `Inputs.path`."""
        return self._files[name]

    def read(self, name: str) -> np.ndarray:
        """See `Inputs.read`."""
        return read_npz(self._files[name], INPUT)


class NpzOutputs(Outputs):
    """Outputs as `<name>.npz` in a folder.

    Attributes:
        folder: Where they lie.
        size: (height, width) that each must have; None for any.
    """

    def __init__(self, folder: Path, size: tuple[int, int] | None = None) -> None:
        self.folder, self.size = folder, size

    def begin(self) -> None:
        """See `Outputs.begin`."""
        make_folder(self.folder)

    def write(self, name: str, output: np.ndarray) -> None:
        """See `Outputs.write`."""
        write_npz(self.path(name), OUTPUT, output)

    def finish(self, model: str, seconds: float) -> None:
        """Nothing: npz files do not say which model wrote them."""

    def path(self, name: str) -> Path:
        """See `Outputs.path`."""
        return self.folder / f"{name}.npz"

    def read(self, name: str) -> np.ndarray:
        """See `Outputs.read`."""
        output = read_npz(self.path(name), OUTPUT, DEVICE_OUTPUT)
        if self.size and output.shape[-2:] != self.size:
            raise DataError(f"The output in {self.path(name)} is {list(output.shape)}, expected are "
                            f"{' x '.join(map(str, self.size))} pixels, as --input_shape says.")  # fmt: skip
        return output

    def check_names(self, names: Sequence[str], source: str) -> None:
        """DataError where an image has no file, or a file no image."""
        expected, found = set(names), {path.stem for path in self.folder.glob("*.npz")}
        for lonely, missing, what, of in (
            (expected - found, f"No npz in {self.folder}", "image", source),
            (found - expected, f"No alpha in {source}", "npz file", self.folder),
        ):
            if lonely:
                number, few = count_of(len(lonely), what), first_few(natural_order(lonely))
                raise DataError(f"{missing} for {number} of {of}: {few}. Add what is missing, or remove the others.")

    def origin(self) -> tuple[str, float]:
        """The folder, and NaN: the network ran elsewhere."""
        return str(self.folder), float("nan")


class NumberedOutputs(NpzOutputs):
    """Outputs as the vendor's runner leaves them: numbered, in the order of the list of inputs.

    Files that have the inputs' names are taken by name all the same.
    """

    def __init__(self, folder: Path, names: Sequence[str], size: tuple[int, int] | None = None) -> None:
        super().__init__(folder, size)
        files = {path.stem: path for path in folder.glob("*.npz")}
        if not set(names) <= set(files):
            if len(files) != len(names):
                raise DataError(f"{folder} has {count_of(len(files), 'npz file')} for {count_of(len(names), 'input')} "
                                "of the list: one for each is expected. Run the device again.")  # fmt: skip
            files = dict(zip(names, (files[stem] for stem in natural_order(files)), strict=True))
        self._files = files

    def path(self, name: str) -> Path:
        """See `Outputs.path`."""
        return self._files[name]

    def check_names(self, names: Sequence[str], source: str) -> None:
        """Nothing: the files were matched with the list's names before."""


class FileTruth(Truth):
    """True alphas by image name, with the images where they are at hand.

    Args:
        alphas: Files of alphas by image name.
        images: Empty, or files of the same names.
        allow_rgb: As in `src.imaging.read_alpha`.
        source: Where they are from.
        preprocess: How the images became inputs; None where nobody knows.
    """

    def __init__(
        self,
        alphas: Mapping[str, Path],
        images: Mapping[str, Path],
        allow_rgb: AlphaChannels,
        source: str,
        preprocess: Preprocess | None = None,
    ) -> None:
        self.alphas, self.images, self.allow_rgb = alphas, images, allow_rgb
        self.source, self.preprocess = source, preprocess
        self.names = natural_order(alphas)

    @classmethod
    def of_pairs(
        cls, pairs: Sequence[Pair], allow_rgb: AlphaChannels, source: str, preprocess: Preprocess | None = None
    ) -> "FileTruth":
        """Images of a data set with their alphas; DataError where two share a name."""
        refuse_twice(pair.name for pair in pairs)
        alphas, images = {p.name: p.alpha for p in pairs}, {p.name: p.image for p in pairs}
        truth = cls(alphas, images, allow_rgb, source, preprocess)
        truth.trimaps = {pair.name: pair.trimap for pair in pairs if pair.trimap is not None}
        return truth

    def keep(self, names: Sequence[str]) -> None:
        """Forget all images but those of `names`; DataError where one of them has no alpha."""
        if missing := [name for name in names if name not in self.alphas]:
            number = count_of(len(missing), "image")
            raise DataError(f"No alpha in {self.source} for {number} of the list: {first_few(missing)}.")
        self.names = list(names)

    def read(self, name: str) -> tuple[np.ndarray | None, np.ndarray]:
        """See `Truth.read`."""
        if name in self.images:
            return read_pair(self.images[name], self.alphas[name], self.allow_rgb)
        return None, read_alpha(self.alphas[name], self.allow_rgb)


def read_datalist(path: Path, names_only: bool = False) -> list[Path]:
    """Files that a list names; DataError where it cannot be read, is empty, lacks a file or names one twice.

    With `names_only` the files themselves may lie elsewhere.
    """
    try:
        lines = read_text(path, errors="surrogateescape").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the list {path} ({error}). scripts/image2npz.py writes one.") from error
    files = [path.parent / line.strip() for line in lines if line.strip()]
    if not files:
        raise DataError(f"The list {path} is empty: it must name one npz file a line.")
    try:
        missing = [str(file) for file in files if not (names_only or file.is_file())]
    except OSError as error:  # no name can be that long
        raise DataError(f"The list {path} names no npz files: {error.strerror}. It must name one a line.") from error
    if missing:
        number = count_of(len(missing), "npz file")
        raise DataError(f"{number} of {path} not found: {first_few(missing)}. Copy them beside it.")
    refuse_twice(file.stem for file in files)
    return files


def write_npz(path: Path, key: str, array: np.ndarray) -> None:
    """Write `array` under `key` as an npz file, whole or not at all; OutputError where it cannot be written."""
    data = io.BytesIO()  # on a full disk numpy's own file object complains once more when it is thrown away
    np.savez(data, **{key: array})
    with whole_file(path) as temporary:
        temporary.write_bytes(data.getbuffer())


# What numpy raises for other content: damage, pickles, and a header that claims more than any memory holds.
_UNREADABLE = (
    OSError, ValueError, EOFError, TypeError, MemoryError, OverflowError, zipfile.BadZipFile, zlib.error
)  # fmt: skip


def read_npz(path: Path, key: str, *others: str) -> np.ndarray:
    """Array `key`, or else one of `others`, of an npz file; DataError where it is missing or damaged, or has none."""
    try:
        with np.load(path) as file:
            for name in (key, *others):
                if name in file.files:
                    return file[name]
            found = ", ".join(file.files) or "nothing"
    except (
        OSError,
        ValueError,
        EOFError,
        TypeError,
        MemoryError,
        OverflowError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(f"{path} cannot be read as npz: missing, truncated or another format ({error}).") from error
    raise DataError(f"{path} has no array '{key}', it holds {found}. Save it under '{key}'.")
