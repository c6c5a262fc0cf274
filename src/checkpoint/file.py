"""Checkpoints that rebuild their own network: weights, spec, pre-processing, scores and training state in one file.

The format is MindSpore's own `.ckpt` (protobuf with a checksum): loading executes nothing from the file, and
the model zoo's programs can read the weights by name. Our description is one JSON string beside them.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import mindspore as ms
import numpy as np
from mindspore import nn

from ..common.errors import CheckpointError, NetworkError, OutputError
from ..common.files import sha256_of, whole_file
from ..model_file.releases import verified_model
from ..models.build import build_network
from ..spec import checks
from ..spec.preprocess import Preprocess
from ..spec.serialisation import NetworkSpec, spec_from_json, spec_to_json
from .pytorch_content import is_pytorch_file

META_KEY = "modnet_meta"
_VARIANCE = ".moving_variance"
STATE_PREFIX = "train_state/"  # optimiser and other tensors that only a resumed training needs


@dataclass(frozen=True)
class Meta:
    """What a checkpoint says about itself.

    Attributes:
        network: the spec's network name, or "encoder" for backbone weights alone (then `spec` is None).
        encoder: name of the encoder; None for a network whose encoder has no weights of its own to be had.
        epoch, step: finished epochs and optimiser steps.
        scores: validation scores by name, empty where never validated.
        source: name and SHA-256 of the file that the weights came from, if they were converted.
        train: scalars of the training state (random seeds, best score, ...) that resuming needs.
    """

    network: str
    encoder: str | None
    spec: NetworkSpec | None
    preprocess: Preprocess = field(default_factory=Preprocess)
    epoch: int = 0
    step: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)

    def renewed(self, source: dict[str, str], spec: NetworkSpec | None = None) -> "Meta":
        """For weights made from these: nothing trained or scored yet. `spec`: where the widths changed."""
        spec = spec or self.spec
        return dataclasses.replace(self, spec=spec, epoch=0, step=0, scores={}, source=source, train={})

    def to_json(self) -> str:
        """As it stands in the file."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["spec"] = None if self.spec is None else json.loads(spec_to_json(self.spec))
        values["preprocess"] = dataclasses.asdict(self.preprocess)
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Meta":
        """From what stands in a file.

        KeyError, TypeError, ValueError, RecursionError, NetworkError or CheckpointError for other text.
        """
        values = json.loads(text)
        if values["spec"] is not None:
            values["spec"] = spec_from_json(json.dumps(values["spec"]))
        values["preprocess"] = Preprocess.from_plain(values["preprocess"])
        meta = cls(**values)
        meta.check()
        return meta

    def check(self) -> None:
        """NetworkError or CheckpointError for values that no checkpoint has."""
        for name in ("epoch", "step"):
            checks.whole(f"`{name}`", getattr(self, name), 2**62, 0)
        for name in ("scores", "source", "train"):
            if not isinstance(getattr(self, name), dict):
                raise CheckpointError(f"`{name}` must be an object, got {getattr(self, name)!r}.")
        for name, score in self.scores.items():
            if isinstance(score, bool) or not isinstance(score, int | float):
                raise CheckpointError(f"The score `{name}` must be a number, got {score!r}.")
        if self.encoder is not None and not isinstance(self.encoder, str):
            raise CheckpointError(f"`encoder` must be a name, got {self.encoder!r}.")
        own = "encoder" if self.spec is None else self.spec.network
        if self.network != own:
            raise CheckpointError(f"It says to be of `{self.network}`, but describes {own}.")


@dataclass(frozen=True)
class Checkpoint:
    """A loaded file: `weights` by parameter name, `state` the tensors of the training state without their prefix."""

    path: Path
    meta: Meta
    weights: dict[str, ms.Parameter]
    state: dict[str, ms.Parameter]


def save_checkpoint(
    path: str | Path,
    weights: dict[str, ms.Tensor],
    meta: Meta,
    state: dict[str, ms.Tensor] | None = None,
    half: bool = False,
) -> None:
    """Write one checkpoint, whole or not at all.

    Args:
        path: of the file; an earlier one there is replaced.
        weights: parameters by name, of any float type.
        meta: the description that goes into the file.
        state: tensors that only a resumed training needs.
        half: store convolution and dense weights as float16, in half the bytes; they load as float32 again. Norms'
            statistics and biases, which are few and may lie outside of float16, stay as they are.

    Raises:
        CheckpointError: with `half`, a weight is larger than float16 holds.
        OutputError: the file cannot be written, or its name does not end with .ckpt.
    """
    if Path(path).suffix != ".ckpt":  # MindSpore appends it
        raise OutputError(f"{path} is no name of a checkpoint: it must end with .ckpt. Give {path}.ckpt.")
    if half:
        weights = {name: _as_float16(name, value) for name, value in weights.items()}
    tensors = weights | {STATE_PREFIX + name: value for name, value in (state or {}).items()}
    entries = [{"name": name, "data": value} for name, value in tensors.items()]
    with whole_file(path) as temporary, mock.patch.object(ms.log, "critical"):  # it tells of the OSError that it raises
        ms.save_checkpoint(entries, str(temporary), append_dict={META_KEY: meta.to_json()}, crc_check=True)


def _as_float16(name: str, value: ms.Tensor) -> ms.Tensor:
    array = value.asnumpy()
    if array.ndim < 2:
        return value
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    if not np.isfinite(half).all():
        raise CheckpointError(
            f"{name} holds {np.abs(array).max():g}; float16 ends at 65504. Train on, or save it in float32."
        )
    return ms.Tensor(half)


def _checked(name: str, value: Any, path: Path) -> ms.Parameter:
    """A weight as float32, also one that `half` stored as float16; CheckpointError for one that cannot be right."""
    dtype = getattr(value, "dtype", type(value).__name__)
    if dtype not in (ms.float32, ms.float16):
        raise CheckpointError(
            f"{name} in {path} is {dtype}, expected is Float32 or Float16. Save the network's weights as floats."
        )
    array = value.asnumpy()
    wrong = array.size - int(np.isfinite(array).sum())
    if wrong:
        raise CheckpointError(
            f"{name} in {path} is not finite: {wrong} of its {array.size} values are NaN or infinite. Use an earlier "
            "checkpoint of the run, or the file as it was first written."
        )
    if name.endswith(_VARIANCE) and array.size and array.min() < 0:
        raise CheckpointError(f"{name} in {path} is a variance and holds {array.min():g}, expected is 0 or more.")
    return ms.Parameter(ms.Tensor(array.astype(np.float32))) if value.dtype == ms.float16 else value


def _check_state(state: dict[str, Any], path: Path) -> None:
    """CheckpointError where the training state has a NaN, which every weight would have after the next step."""
    for name, value in state.items():
        if not isinstance(value, ms.Tensor):
            raise CheckpointError(f"{name} in {path} is a {type(value).__name__}, expected is a tensor.")
        if value.dtype in (ms.float32, ms.float16) and np.isnan(value.asnumpy()).any():
            raise CheckpointError(f"{name} of the training state in {path} holds NaN. Use an earlier checkpoint.")


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a file of `save_checkpoint`, or a released model's by its name, weights as float32.

    A PyTorch file is converted on the fly, see `src.checkpoint.pytorch_file.checkpoint_of`.

    Raises:
        CheckpointError: the file is missing, truncated or foreign.
        ModelError: a released file is not as it was released.
    """
    path = verified_model(path, (".ckpt",))
    if not path.is_file():
        raise CheckpointError(f"No checkpoint at {path}. Give the path of a .ckpt file that train.py or "
                              "get_init_weight.py wrote.")  # fmt: skip
    if is_pytorch_file(path):
        from .pytorch_file import checkpoint_of  # which writes checkpoints, and imports this module

        return checkpoint_of(path)
    try:
        entries = ms.load_checkpoint(str(path), crc_check=True)
    except (ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} ({path.stat().st_size} bytes) is no whole MindSpore checkpoint: it is truncated, damaged or of "
            "another program. Convert a PyTorch file with `python get_init_weight.py --input FILE --output OUT.ckpt`; "
            "otherwise use an earlier checkpoint of the run."
        ) from error
    text = entries.pop(META_KEY, None)
    if not isinstance(text, str):
        raise CheckpointError(
            f"{path} does not say which network it belongs to (no '{META_KEY}' entry); its first tensors are "
            f"{', '.join(list(entries)[:3])}. Use a checkpoint written by this project."
        )
    try:
        meta = Meta.from_json(text)
    except (CheckpointError, NetworkError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has a description that this version cannot read ({error!r}).") from error
    state = {name.removeprefix(STATE_PREFIX): v for name, v in entries.items() if name.startswith(STATE_PREFIX)}
    _check_state(state, path)
    weights = {name: v for name, v in entries.items() if not name.startswith(STATE_PREFIX)}
    return Checkpoint(path, meta, {name: _checked(name, v, path) for name, v in weights.items()}, state)


def load_weights(network: nn.Cell, weights: dict[str, ms.Parameter], source: str, prefix: str = "") -> None:
    """Put `weights` into the parameters of `network` whose names start with `prefix`; every name must match.

    Raises CheckpointError that names the first missing, unexpected or mis-shaped parameters of `source`.
    """
    expected = {p.name: p for p in network.get_parameters() if p.name.startswith(prefix)}
    problems = [f"missing {name}" for name in expected if name not in weights]
    problems += [f"unexpected {name}" for name in weights if name not in expected]
    problems += [
        f"{name} is {list(value.shape)}, expected {list(expected[name].shape)}"
        for name, value in weights.items()
        if name in expected and value.shape != expected[name].shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(f"{source} does not fit the network: {'; '.join(problems[:3])}{more}.")
    for name, value in weights.items():
        expected[name].set_data(ms.Tensor(value))


def load_network(path: str | Path) -> tuple[nn.Cell, Meta]:
    """Rebuild the network that a checkpoint describes, with its weights, ready for inference."""
    checkpoint = read_checkpoint(path)
    if checkpoint.meta.spec is None:
        raise CheckpointError(
            f"{path} holds the weights of the {checkpoint.meta.encoder} encoder alone, not of a matting network. "
            "Train with it as the backbone first, or give a network's checkpoint."
        )
    network = build_network(checkpoint.meta.spec)
    load_weights(network, checkpoint.weights, str(path))
    return network.set_train(False), checkpoint.meta


def weights_of(network: nn.Cell) -> dict[str, ms.Tensor]:
    """Copies of all parameters of a network by name, moving statistics included."""
    return {p.name: copy_of(p) for p in network.get_parameters()}


def copy_of(parameter: ms.Parameter) -> ms.Tensor:
    """The parameter's present value in memory of its own.

    Through numpy, because `value()` may give a tensor that shares memory with the parameter or holds an older value
    once a compiled step has updated it.
    """
    return ms.Tensor(parameter.asnumpy().copy())


def file_source(path: str | Path) -> dict[str, str]:
    """Name and SHA-256 of a file, for `Meta.source`."""
    return {"file": Path(path).name, "sha256": sha256_of(path)}
