"""Released models by name: `pretrained/releases.json` says which there are, and whether a file is as it was released.

Nothing here needs a framework. Wherever a model's path is taken, a released name is taken too: `modnet-p` for the file
that runs best here, `modnet-p.onnx` for one of its files.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..common.errors import ModelError
from ..common.files import is_special, read_json, sha256_of, write_text
from ..common.paths import PACKAGE, REPOSITORY
from ..common.text import nearest
from .formats import CHECKPOINT, known_formats

_OF_A_WHEEL = PACKAGE / "pretrained"
FOLDER = _OF_A_WHEEL if _OF_A_WHEEL.is_dir() else REPOSITORY / "pretrained"  # beside the package in a checkout
INDEX = "releases.json"
_RESTORE_BY = "pip install --force-reinstall modnet-mindspore" if FOLDER == _OF_A_WHEEL else "git checkout pretrained/"
_RESTORE = f"`{_RESTORE_BY}` brings released files back"


@dataclass(frozen=True)
class ReleasedFile:
    """A file of `pretrained/`; `sha256` in hexadecimal."""

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "ReleasedFile":
        """Describe a file as it is now."""
        return cls(path.name, path.stat().st_size, sha256_of(path))


@dataclass(frozen=True)
class ReleasedModel:
    """A released network in one format.

    Attributes:
        name: what command lines call it; its formats share it.
        what: a few words for people.
        files: the one to open first (an IR's weights lie beside it).
        parameters, macs: learned parameters and deployed MACs for 512x512, None where unknown.
        scores: mean "mse", "mad" and "iou" of whole images; empty where not scored yet.
        dataset, pictures: what it was scored on, and how many images of it.
        latency: "milliseconds" (median) an image of the network, "threads" (None: the runtime's choice), "shape",
            "precision", "cpu" and, in newer ones, "runtime"; None where not measured.
        bf16_scores, bf16_latency: the same of the file computed in bf16, by OpenVINO; None where that is not done or
            measured.
        openvino_latency: of an .onnx file in OpenVINO, `latency` being onnxruntime's; None where not measured.
    """

    name: str
    what: str
    files: tuple[ReleasedFile, ...]
    parameters: int | None = None
    macs: int | None = None
    scores: dict[str, float] | None = None
    dataset: str | None = None
    pictures: int = 0
    latency: dict[str, Any] | None = None
    bf16_scores: dict[str, float] | None = None
    bf16_latency: dict[str, Any] | None = None
    openvino_latency: dict[str, Any] | None = None

    @property
    def file(self) -> str:
        """Name of the file to open."""
        return self.files[0].name

    @property
    def suffix(self) -> str:
        """Suffix of the file to open; says the format."""
        return Path(self.file).suffix

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)

    @property
    def path(self) -> Path:
        """The file to open, whether it is there or not."""
        return FOLDER / self.file

    @property
    def present(self) -> bool:
        """Whether all files are there."""
        return all((FOLDER / file.name).is_file() for file in self.files)


def read_releases(folder: Path | None = None) -> list[ReleasedModel]:
    """The released models, the best first; none where no index is there. ModelError for a damaged index.

    A wheel holds few of the files that its index names: there, only these are released.
    """
    path = (folder or FOLDER) / INDEX
    if not path.is_file():
        return []
    try:
        rows = read_json(path)["models"]
        models = [ReleasedModel(**row | {"files": tuple(ReleasedFile(**f) for f in row["files"])}) for row in rows]
        return [model for model in models if model.present] if path.parent == _OF_A_WHEEL else models
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}, the list of released models, cannot be read ({error!r}). {_RESTORE}.") from error


def write_releases(models: Iterable[ReleasedModel], folder: Path | None = None) -> None:
    """Write the list of released models, the best first, into `folder` (default: `FOLDER`)."""
    rows = {"models": [asdict(model) for model in models]}
    write_text((folder or FOLDER) / INDEX, json.dumps(rows, indent=1, allow_nan=False) + "\n")


def find_model(model: str | Path, suffixes: Collection[str] | None = None) -> Path:
    """The file that a path or a released name means.

    Args:
        model: a path comes back as it is, whether the file is there or not; a plain word that is no file is a name.
        suffixes: formats to choose from, where a name has several; None for all.

    Raises:
        ModelError: no model of this name, none of it in these formats, its file is missing, or it is a format of a
            released model that is not shipped.
    """
    path = Path(model)
    if path.is_file():
        return path
    if is_special(path):
        raise ModelError(f"{path} is a pipe or a device, expected is a model file. Write it to a file first.")
    if len(path.parts) == 1:
        return _released_file(path, suffixes)
    if path.parent.resolve() == FOLDER.resolve():
        _refuse_not_shipped(path, read_releases())
    return path


def _released_file(path: Path, suffixes: Collection[str] | None) -> Path:
    """The file that a plain word means, which is no file of the user's: a released file, a model's name, or itself."""
    released, text = read_releases(), str(path)
    for found in released:
        if found.file == text:
            return _present([found])
    if path.suffix in _suffixes_of_files():
        _refuse_not_shipped(path, released)
        return path
    named = [found for found in released if found.name == text]
    if not named:
        raise ModelError(f"There is neither a file nor a released model '{text}'.{_others(text, released)}")
    suffixes = _released_suffixes() if suffixes is None else suffixes
    fitting = [found for found in named if found.suffix in suffixes]
    if not fitting:
        raise ModelError(
            f"'{text}' is released as {', '.join(found.suffix for found in named)}, expected is "
            f"{' or '.join(suffixes)}. Name another model or file."
        )
    return _present(_by_preference(fitting))


def is_released_name(model: str | Path) -> bool:
    """Whether `find_model` takes a text for a released model's plain name, not for a file."""
    path = Path(model)
    return len(path.parts) == 1 and not path.is_file() and any(one.name == str(path) for one in read_releases())


def default_model() -> Path:
    """The file of `default_name`."""
    return find_model(default_name())


def default_name() -> str:
    """The first released model for which a runtime is installed; ModelError where there is none."""
    released = read_releases()
    for name in dict.fromkeys(model.name for model in released):
        if any(model.present and _installed(model.suffix) for model in released if model.name == name):
            return name
    if not released:
        raise ModelError("No models are released here yet. Give a model file as --model.")
    raise ModelError(
        f"No released model can be opened here. {_RESTORE}; or install a runtime (pip install onnxruntime), or give "
        "a model file as --model."
    )


def _suffixes_of_files() -> set[str]:
    """Suffixes by which a plain word is known to be a file's name."""
    return {suffix for form in known_formats().values() for suffix in (form.suffix, *form.parts, *form.foreign)}


def _released_suffixes() -> list[str]:
    """Suffixes that a released model's plain name may stand for, the preferred ones first."""
    return [form.suffix for form in known_formats().values() if form.released]


def _refuse_not_shipped(path: Path, released: list[ReleasedModel]) -> None:
    """ModelError, with how to get it, for a released model's file in a format that is not shipped."""
    named = [found for found in released if found.name == path.stem]
    form = known_formats().get(path.suffix)
    if form is None or not named or any(found.suffix == form.suffix for found in named):
        return
    shipped = f"'{path.name}' is not shipped: {path.stem} is released as {', '.join(m.suffix for m in named)}."
    if form.export and any(found.suffix == CHECKPOINT.suffix for found in named):
        raise ModelError(
            f"{shipped} Write the file with: python export.py --ckpt_path {path.stem} --file_format {form.export} "
            "--output_path exported; or give the plain name."
        )
    raise ModelError(f"{shipped} Give {named[0].file}, or the plain name.")


def verified_model(model: str | Path, suffixes: Collection[str] | None = None) -> Path:
    """`find_model`, where a released file must be as it was released; ModelError where it is not."""
    path = find_model(model, suffixes)
    if not path.is_file() or path.resolve().parent != FOLDER.resolve():
        return path
    for released in read_releases():
        if released.file == path.name:
            for file in released.files:
                _verify(FOLDER / file.name, file)
    return path


def _by_preference(models: Iterable[ReleasedModel]) -> list[ReleasedModel]:
    """Those whose files and runtime are here first, then in the order of `known_formats`."""
    order = list(known_formats())
    return sorted(models, key=lambda m: (not m.present, not _installed(m.suffix), order.index(m.suffix)))


def _present(models: list[ReleasedModel]) -> Path:
    model = models[0]
    for file in model.files:
        if not (FOLDER / file.name).is_file():
            raise ModelError(f"'{model.name}' is released, but {FOLDER / file.name} is missing. {_RESTORE}.")
    return model.path


def _verify(path: Path, file: ReleasedFile) -> None:
    if not path.is_file():
        raise ModelError(f"{path} is missing. {_RESTORE}.")
    stat = path.stat()
    if stat.st_size != file.bytes or _sha256_of(path, stat.st_size, stat.st_mtime_ns) != file.sha256:
        raise ModelError(
            f"{path} is not the file that was released: its size or SHA-256 differs from {INDEX}. {_RESTORE}; keep "
            "networks of your own elsewhere."
        )


@cache
def _sha256_of(path: Path, size: int, changed: int) -> str:
    """Once for each state of a file: programs open a model more than once."""
    return sha256_of(path)


def _installed(suffix: str) -> bool:
    return known_formats()[suffix].installed


def _others(text: str, released: list[ReleasedModel]) -> str:
    if not released:
        return f" Nothing is released in {FOLDER}: {_RESTORE}, or give a model file."
    return f"{nearest(text, {model.name for model in released})} `python infer.py --list` shows them all."
