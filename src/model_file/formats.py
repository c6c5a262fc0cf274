"""Formats of model files: the suffix, and the package that opens it.

The table is open: a runtime of a further format adds it with `register_format`, see `src.runtime.registry`.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class ModelFormat:
    """A kind of model file.

    Attributes:
        suffix: Of its files, such as ".onnx".
        package: Python package that opens it.
        others: Packages that open it too: where one is here, it opens what a released model's plain name means; and
            it computes the precisions that `package` does not have.
        export: Name of the format in `export.py --file_format`; None where that does not write it.
        released: Whether a released model's plain name may mean such a file.
        parts: Suffixes of files that lie beside it and belong to it.
        foreign: Suffixes of another program's files, which are converted when they are opened.
    """

    suffix: str
    package: str
    export: str | None = None
    released: bool = True
    parts: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        """Whether a package that opens it is here; nothing is imported for that."""
        return any(map(is_installed, (self.package, *self.others)))

    def opened_by(self, precision: str, by_name: bool) -> str:
        """The package that is to open a file, here or not.

        Args:
            precision: f32, or what only one of `others` computes.
            by_name: the user gave a released model's plain name, not a file.
        """
        here = [package for package in self.others if is_installed(package)]
        if precision != "f32":
            return [*here, *self.others, self.package][0]
        return here[0] if here and by_name else self.package


def is_installed(package: str) -> bool:
    """Whether a package is here; nothing is imported for that."""
    return find_spec(package) is not None


_FORMATS: dict[str, ModelFormat] = {}


def register_format(form: ModelFormat) -> ModelFormat:
    """Add a format; the first that are added are preferred where a released model has several."""
    _FORMATS[form.suffix] = form
    return form


def known_formats() -> dict[str, ModelFormat]:
    """All formats by suffix, the preferred ones first."""
    return dict(_FORMATS)


def format_of(path: Path) -> ModelFormat | None:
    """The format of a file by its suffix; None where that is none of a model's."""
    return next((form for form in _FORMATS.values() if path.suffix in (form.suffix, *form.foreign)), None)


# The quickest one on a CPU comes first.
OPENVINO_IR = register_format(ModelFormat(".xml", "openvino", export="OPENVINO", parts=(".bin",)))
ONNX = register_format(ModelFormat(".onnx", "onnxruntime", export="ONNX", others=("openvino",)))
CHECKPOINT = register_format(ModelFormat(".ckpt", "mindspore", foreign=(".pth", ".pt", ".tar")))
MINDIR = register_format(ModelFormat(".mindir", "mindspore", export="MINDIR", released=False))
