"""A network's spec as JSON and back: what travels inside every file we write.

A pruned network is another spec of the same class.
"""

import dataclasses
import json
import types
import typing
from typing import Any

from ..common.errors import CheckpointError
from .mmnet import MMNetSpec
from .modnet import ModNetSpec

SPEC_VERSION = 1


NetworkSpec = ModNetSpec | MMNetSpec


SPECS: dict[str, type[NetworkSpec]] = {"modnet": ModNetSpec, "mmnet": MMNetSpec}


def spec_to_json(spec: NetworkSpec) -> str:
    """The numbers of a spec; what it has none of is left out, so that older releases read it where they can."""
    values = {name: value for name, value in dataclasses.asdict(spec).items() if value is not None}
    return json.dumps({"version": SPEC_VERSION, **values}, sort_keys=True)


def spec_from_json(text: str) -> NetworkSpec:
    """Rebuild a spec; raises CheckpointError where the text is not one that this version writes."""
    try:
        values = json.loads(text)
        version = values.pop("version")
        if version != SPEC_VERSION:
            raise CheckpointError(
                f"The file's network description is of version {version}, this program reads version "
                f"{SPEC_VERSION}. Use the release of the project that wrote the file."
            )
        return _build(SPECS[values["network"]], values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"The file's network description cannot be read ({error!r}).") from error


def _build(kind: Any, value: Any) -> Any:
    """A value of the annotated type `kind` from what JSON gives; unknown or missing names raise Key- or TypeError."""
    if isinstance(kind, types.UnionType):  # of a spec and None
        kind = typing.get_args(kind)[0] if value is not None else None
    if dataclasses.is_dataclass(kind):
        kinds = typing.get_type_hints(kind)
        return kind(**{name: _build(kinds[name], v) for name, v in value.items()})
    if typing.get_origin(kind) is tuple:  # of one type throughout
        return tuple(_build(typing.get_args(kind)[0], v) for v in value)
    return value
