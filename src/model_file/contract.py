"""What a model file says about itself: how images become its input, where its weights come from, how it scored.

The same JSON stands in a checkpoint's own description, in an ONNX file's metadata and in an OpenVINO IR's runtime
information, so that every runtime treats images alike. Nothing here needs a framework.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.errors import ModelError, NetworkError
from ..common.log import logger
from ..spec.preprocess import Preprocess

CONTRACT_KEY = "modnet_contract"
CONTRACT_VERSION = 1


@dataclass(frozen=True)
class Contract:
    """The promises that travel inside a model file.

    Attributes:
        preprocess: how an image becomes the network's input.
        network: the spec's network name; None for a model that this project did not write.
        spec: JSON of the network's spec (`src.spec.serialisation.spec_from_json`), or None.
        source: name and SHA-256 of the checkpoint that holds the weights.
        scores: validation scores by name of that checkpoint (of a quantised model: its own); empty without validation.
        quantization: how a quantised model was made, and how far its alphas are from the float one's; else empty.
        version: of this description.
    """

    preprocess: Preprocess
    network: str | None = None
    spec: str | None = None
    source: dict[str, str] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    quantization: dict[str, Any] = field(default_factory=dict)
    version: int = CONTRACT_VERSION

    def check(self) -> None:
        """ValueError for values that no model file has."""
        for name in ("source", "scores", "quantization"):
            if not isinstance(getattr(self, name), dict):
                raise ValueError(f"`{name}` must be an object, got {getattr(self, name)!r}")
        for name in ("network", "spec"):
            if not isinstance(getattr(self, name), str | None):
                raise ValueError(f"`{name}` must be a text, got {getattr(self, name)!r}")
        for name, score in self.scores.items():
            if isinstance(score, bool) or not isinstance(score, int | float):
                raise ValueError(f"the score `{name}` must be a number, got {score!r}")

    def to_json(self) -> str:
        """The description as it stands in a model file."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)


def read_contract(text: str | None, path: Path, given: Mapping[str, Any] | None = None) -> Contract:
    """The contract found in a model file.

    Args:
        text: JSON that stood in the file; None where there is none.
        path: of the file, for messages.
        given: fields of `Preprocess` from the command line, for a model without contract. Of one with a contract
            none is used here; `src.runtime.input_size.use_ref_size` sees to `ref_size` and `ref_side`.

    Raises:
        ModelError: the text is damaged or of another version, or there is none and `given` lacks a field.
    """
    if text is None:
        return Contract(_given_preprocess(given or {}, path))
    if unused := [name for name in given or {} if name not in ("ref_size", "ref_side")]:
        logger.info("%s says itself how its input is made; %s not used", path, ", ".join(f"--{n}" for n in unused))
    try:
        values = json.loads(text)
        if values["version"] != CONTRACT_VERSION:
            raise ModelError(
                f"{path} has a description of version {values['version']}, this program reads version "
                f"{CONTRACT_VERSION}. Export the checkpoint again, or use the release that wrote the file."
            )
        values["preprocess"] = read_preprocess(values["preprocess"])
        contract = Contract(**values)
        contract.check()
        return contract
    except NetworkError as error:
        raise ModelError(f"{path} has a description that cannot be read. {error} Export it again.") from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} has a description that cannot be read ({error!r}). Export it again.") from error


def read_preprocess(values: Mapping[str, Any]) -> Preprocess:
    """`Preprocess` from plain values; KeyError where one is missing, NetworkError where one makes no sense."""
    values = {name: tuple(map(float, v)) if name in ("mean", "std") else v for name, v in values.items()}
    if missing := missing_fields(values):
        raise KeyError(*missing)
    return Preprocess(**values)


def missing_fields(values: Mapping[str, Any]) -> list[str]:
    """Names of fields of `Preprocess` that are not there; `ref_side` came later and may be missing."""
    return [f.name for f in dataclasses.fields(Preprocess) if f.name not in values and f.name != "ref_side"]


def _given_preprocess(given: Mapping[str, Any], path: Path) -> Preprocess:
    if missing := missing_fields(given):
        raise ModelError(
            f"{path} does not say how its input is made: this project did not write it. Say it on the command line; "
            f"missing: {', '.join('--' + name for name in missing)}."
        )
    try:
        return read_preprocess(given)
    except (NetworkError, TypeError, ValueError) as error:
        raise ModelError(f"The options for the input of {path} cannot be used: {error}") from error
