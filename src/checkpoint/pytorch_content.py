"""What a PyTorch file holds: its tensors by name, wherever in the file they lie. Code in a file is never run."""

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common.errors import CheckpointError
from ..common.log import logger
from ..common.text import first_few, nearest
from .conversion import is_known

if TYPE_CHECKING:
    import torch

_SAVE = "Save the weights alone: torch.save(network.state_dict(), PATH)."
_CONVERT = (
    "Arrays are not read: save tensors, torch.save({name: torch.from_numpy(array) for name, array in weights.items()}, "
    "PATH)."
)
_DEPTH = 2  # so far below the file's top a state dict may lie: deeper ones are an optimiser's
_PREFERRED = ("state_dict", "model_state_dict", "model", "net", "network")  # where several state dicts fit
_SHOWN = 4
_LATER_PICKLES = "14[0-9]|150"  # instructions of pickle protocol 4 and above, which torch does not read safely
_PATHS = ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
_NUMPY = ("multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer")
_DTYPES = ("Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float16", "Float32",
           "Float64", "LongDouble", "Str", "Bytes", "Object", "Void", "DateTime64")  # fmt: skip
# Names in files that stand for plain values. None of them is looked up: each becomes an `_Unread`.
_HARMLESS = (
    "argparse.Namespace", "types.SimpleNamespace", "datetime.datetime", "datetime.date", "datetime.timedelta",
    "datetime.time", "datetime.timezone", "uuid.UUID", "decimal.Decimal", "fractions.Fraction", "builtins.slice",
    "builtins.range", "builtins.frozenset", "torch.torch_version.TorchVersion", "numpy.dtype",
    *(f"{module}.{name}" for module in ("pathlib", "pathlib._local") for name in _PATHS),
    *(f"numpy.dtypes.{name}DType" for name in _DTYPES),
    *(f"numpy.{name.lower()}" for name in _DTYPES),
)  # fmt: skip


class _Unread:
    """In place of a harmless object that no weight is in; what the file says of it is dropped."""

    def __new__(cls, *_values: object) -> "_Unread":
        return super().__new__(cls)

    def __init__(self, *_values: object) -> None:
        """Nothing is kept."""

    def __setstate__(self, _state: object) -> None:
        """Nothing is kept."""


class _UnreadArray(_Unread):
    """In place of a numpy array or scalar."""


_ARRAYS = ("numpy.ndarray", *(f"numpy.{core}.{name}" for core in ("core", "_core") for name in _NUMPY))


def is_pytorch_file(path: Path) -> bool:
    """Whether a file begins as PyTorch's do: a ZIP archive, or a pickle of protocol 2 and above."""
    with path.open("rb") as file:
        start = file.read(4)
    return start == b"PK\x03\x04" or (start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"))


def read_state_dict(path: Path, entry: str | None = None) -> dict[str, np.ndarray]:
    """Tensors of a PyTorch file by name, as float32 arrays.

    It is read with `weights_only`, so that a malicious pickle is refused, not executed.

    Args:
        path: of the file.
        entry: where in the file the tensors lie, such as "model"; None looks for them.
    """
    content = _content(path)
    found = dict(_state_dicts(content))
    if not found:
        cure = _CONVERT if _has_arrays(content) else _SAVE
        raise CheckpointError(
            f"{path} holds no state dict (a mapping of names to tensors), but {_description(content)}. {cure}"
        )
    state = found[_chosen(found, entry, path)]
    return {name: _array(value, name, path) for name, value in state.items() if name != "n_averaged"}


def _content(path: Path) -> Any:
    """What torch.save was given."""
    try:
        import torch
    except ImportError as error:
        raise CheckpointError(
            f"{path} is a PyTorch file; reading it needs PyTorch. Run: pip install torch==2.13.0"
        ) from error
    _refuse_torchscript(path)
    harmless: list[Any] = [(_Unread, name) for name in _HARMLESS] + [(_UnreadArray, name) for name in _ARRAYS]
    try:
        with torch.serialization.safe_globals(harmless), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for truncated, foreign and malicious files
        raise CheckpointError(f"{path} is no plain PyTorch state dict ({_reason(error)}). {_SAVE}") from error


def _reason(error: Exception) -> str:
    named = re.search(r"GLOBAL (\S+?)(?: was not| whose)", str(error))
    if named is None and re.search(rf"Unsupported operand ({_LATER_PICKLES})\b", str(error)):
        return (
            "it was saved with another pickle_protocol than torch.save's own, which alone is read without running code"
        )
    if named is None:
        return f"{type(error).__name__}: it is truncated or of another program"
    return f"it names `{named[1]}`: a whole object, or it holds code, which is refused"


def _refuse_torchscript(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return
    if any(re.fullmatch(r"[^/]+/(constants\.pkl|code/.*)", name) for name in names):
        raise CheckpointError(
            f"{path} is a TorchScript archive, a program with its weights, expected is a state dict. Write one with: "
            "python -c \"import torch; torch.save(torch.jit.load('FILE', 'cpu').state_dict(), 'weights.pth')\""
        )


def _state_dicts(content: Any) -> Iterator[tuple[str, Mapping[str, "torch.Tensor"]]]:
    """(entry, state dict) of all that lie nearest to the top of the file; the entry "" is the top itself."""
    level = {"": content}
    for _ in range(_DEPTH + 1):
        found = {entry: value for entry, value in level.items() if _is_state_dict(value, empty=entry == "")}
        if found:
            yield from found.items()
            return
        level = {f"{entry}.{key}".removeprefix("."): below for entry, value in level.items()
                 if isinstance(value, Mapping) for key, below in value.items() if isinstance(key, str)}  # fmt: skip
    if tensors := _tensors_among_others(content):
        yield "", tensors


def _is_state_dict(value: Any, empty: bool) -> bool:
    import torch

    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        return False
    return (empty or bool(value)) and all(isinstance(tensor, torch.Tensor) for tensor in value.values())


def _tensors_among_others(content: Any) -> dict[str, "torch.Tensor"]:
    """Of a mapping in which weights and other values lie side by side."""
    import torch

    items = content.items() if isinstance(content, Mapping) else ()
    return {name: value for name, value in items if isinstance(name, str) and isinstance(value, torch.Tensor)}


def _chosen(found: Mapping[str, Mapping[str, Any]], entry: str | None, path: Path) -> str:
    """The entry to take: the one that is asked for, or the first that holds a network known here."""
    if entry is not None:
        if entry not in found:
            raise CheckpointError(f"{path} has no state dict `{entry}`.{nearest(entry, found)}")
        return entry
    known = [name for name, state in found.items() if is_known(list(state))] or list(found)
    best = sorted(known, key=lambda name: _PREFERRED.index(name) if name in _PREFERRED else len(_PREFERRED))[0]
    if len(known) > 1:
        others = first_few([f"`{name}`" for name in known if name != best])
        logger.warning("%s: `%s` is taken; beside it lies %s (get_init_weight.py --entry)", path, best, others)
    return best


def _array(tensor: "torch.Tensor", name: str, path: Path) -> np.ndarray:
    """float32; parameters still require gradients, and numpy has no bfloat16."""
    import torch

    try:
        if tensor.is_complex():
            raise TypeError("complex numbers")
        return tensor.detach().to(torch.float32).numpy()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise CheckpointError(
            f"{name} in {path} is {tensor.dtype}, {tensor.layout}, on {tensor.device}; expected is a dense tensor of "
            f"floats. {_SAVE}"
        ) from error


def _has_arrays(content: Any, depth: int = _DEPTH) -> bool:
    """Whether numpy arrays lie where a state dict's tensors would."""
    if not isinstance(content, Mapping):
        return False
    return any(isinstance(v, _UnreadArray) or (depth and _has_arrays(v, depth - 1)) for v in content.values())


def _description(content: Any) -> str:
    """'a dict: epoch (int), model (dict of 3), ...' for messages."""
    if not isinstance(content, Mapping):
        return _kind(content)
    entries = [f"{key} ({_kind(value)})" for key, value in content.items()]
    more = f" and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    return f"a {type(content).__name__} of {', '.join(entries[:_SHOWN])}{more}"


def _kind(value: Any) -> str:
    """'dict of 3', 'Tensor [3, 4]', 'int'."""
    if isinstance(value, _Unread):
        return "numpy array" if isinstance(value, _UnreadArray) else "another object"
    if hasattr(value, "shape"):
        return f"{type(value).__name__} {list(value.shape)}"
    return (
        f"{type(value).__name__} of {len(value)}" if isinstance(value, list | tuple | Mapping) else type(value).__name__
    )
