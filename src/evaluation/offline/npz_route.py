"""Matting in three programs with files between them, for devices whose runtime is not one of ours.

Images become `<image>.npz` with an `input` of one fixed shape and a list of them; whoever runs the network turns
each into an npz of the same name with its `output`; `src.evaluation.offline.npz_scores` scores those.
"""

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...common.errors import ConfigError, DataError
from ...common.files import whole_file, write_text
from ...common.log import logger
from ...common.progress import progress
from ...common.text import first_few
from ...imaging import read_image
from ...runtime.base import InputForm, Predictor, one_image_at_a_time, prepare_file
from ...spec.preprocess import Preprocess

INPUT, OUTPUT, DATALIST = "input", "output", "npz_datalist.txt"


def refuse_twice(names: Iterable[str]) -> None:
    """DataError where two images share a name: their npz files would, too."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{len(twice)} image names occur twice: {first_few(twice)}. Give each image its own name.")


def parse_size(text: str) -> tuple[int, int]:
    """`1,3,480,288`, or `480,288` -> (480, 288); ConfigError for anything else."""
    try:
        sides = [int(part) for part in text.split(",")]
    except ValueError:
        sides = []
    if sides[:-2] not in ([], [1, 3]) or len(sides) < 2 or min(sides) < 1:
        raise ConfigError(f"`input_shape` must be 1,3,H,W or H,W with a fixed height and width, got {text!r}.")
    return sides[-2], sides[-1]


def fixed_size(asked: tuple[int, int] | None, pre: Preprocess, form: InputForm) -> tuple[int, int]:
    """(height, width) of all inputs: the one `asked` for, or the only one that the model takes.

    Raises:
        ConfigError: neither is there, they differ, or a side is not a multiple of `pre.multiple`.
    """
    own = form.size or (pre.ref_size if isinstance(pre.ref_size, tuple) else None)
    size = asked or own
    if size is None:
        raise ConfigError("Which shape shall the inputs have? Say --input_shape 1,3,480,288 (1,3,height,width).")
    if form.size and size != form.size:
        raise ConfigError(f"The model takes {form.size} (height, width) only, --input_shape is {size}: leave it out.")
    if any(side % pre.multiple for side in size) and size != own:
        raise ConfigError(f"Height and width must be multiples of {pre.multiple}, --input_shape says {size}.")
    return size


def fixed_input(predictor: Predictor, asked: tuple[int, int] | None) -> Callable[[np.ndarray], np.ndarray]:
    """`predictor.prepare` for inputs of one size, see `fixed_size`."""
    one_image_at_a_time(predictor, "The model")
    size = fixed_size(asked, predictor.preprocess, predictor.form)
    predictor.form = replace(predictor.form, size=size)
    return predictor.prepare


def write_inputs(pictures: dict[str, Path], folder: Path, prepare: Callable[[np.ndarray], np.ndarray]) -> list[str]:
    """Write `<name>.npz` of each image, then the list of them, `DATALIST` (a name a line, from the list's folder).

    Returns:
        The names of those that are written; what cannot be used is reported and left out.

    Raises:
        DataError: not one image can be used.
        OutputError: a file cannot be written.
    """
    written = []
    with progress(len(pictures), "image") as bar:
        for name, path in pictures.items():
            try:
                x = prepare_file(prepare, read_image(path), path)
            except DataError as error:
                logger.warning("left out: %s", error)
            else:
                write_npz(folder / f"{name}.npz", INPUT, x)
                written.append(name)
            bar.step()
    if not written:
        raise DataError(f"Not one of {len(pictures)} images can be used; the lines above say why.")
    write_text(folder / DATALIST, "".join(f"{name}.npz\n" for name in written))
    return written


def read_datalist(path: Path) -> list[Path]:
    """npz files of a list; DataError where it cannot be read, is empty, or a file or a name of its own is missing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the list {path} ({error}). scripts/image2npz.py writes one.") from error
    files = [path.parent / line.strip() for line in lines if line.strip()]
    if not files:
        raise DataError(f"The list {path} is empty: it must name one npz file a line.")
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise DataError(f"{len(missing)} npz files of {path} are missing: {first_few(missing)}. Copy them beside it.")
    refuse_twice(file.stem for file in files)
    return files


def infer(predictor: Predictor, files: list[Path], folder: Path) -> None:
    """Run the network on each npz; its matte [1, 1, h, w] goes to `folder` under the same name."""
    one_image_at_a_time(predictor, "The model")
    with progress(len(files), "image") as bar:
        for file in files:
            x = read_npz(file, INPUT)
            _check_input(x, predictor, file)
            write_npz(folder / f"{file.stem}.npz", OUTPUT, predictor.run(x))
            bar.step()


def _check_input(x: np.ndarray, predictor: Predictor, file: Path) -> None:
    form, multiple = predictor.form, predictor.preprocess.multiple
    last = form.layout == "NHWC"
    sides = x.shape[1:3] if last else x.shape[2:]
    size = form.size or sides
    shape = (1, *size, 3) if last else (1, 3, *size)
    fits = form.size or not any(side % multiple for side in sides)
    if x.ndim == 4 and (x.dtype, x.shape) == (form.dtype, shape) and fits:
        return
    size = "{}, {}".format(*form.size) if form.size else f"H, W of multiples of {multiple}"
    expected = f"[1, {size}, 3]" if last else f"[1, 3, {size}]"
    raise DataError(
        f"'{INPUT}' of {file} is {x.dtype} {list(x.shape)}, the model takes {form.dtype} {expected}. Make it with "
        "scripts/image2npz.py and this model as --model."
    )


def write_npz(path: Path, key: str, array: np.ndarray) -> None:
    """Write `array` under `key` as an npz file, whole or not at all; OutputError where it cannot be written."""
    data = io.BytesIO()  # on a full disk numpy's own file object complains once more when it is thrown away
    np.savez(data, **{key: array})
    with whole_file(path) as temporary:
        temporary.write_bytes(data.getbuffer())


def read_npz(path: Path, key: str) -> np.ndarray:
    """An npz file's array `key`; DataError where the file is missing or damaged, or has others only."""
    try:
        with np.load(path) as file:
            if key in file.files:
                return file[key]
            found = ", ".join(file.files) or "nothing"
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read as npz: missing, truncated or another format ({error}).") from error
    raise DataError(f"{path} has no array '{key}', it holds {found}. Save it under '{key}'.")
