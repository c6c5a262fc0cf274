"""A network's spec as JSON and back: what travels inside every file we write.

A pruned network is another spec of the same class.
"""

import dataclasses
import json
import types
import typing
from typing import Any

from ..common.errors import CheckpointError, NetworkError
from .encoder import LEFT_OUT_AS_DEFAULT
from .mmnet import MMNetSpec
from .modnet import ModNetSpec

SPEC_VERSION = 1


NetworkSpec = ModNetSpec | MMNetSpec


SPECS: dict[str, type[NetworkSpec]] = {"modnet": ModNetSpec, "mmnet": MMNetSpec}


def spec_to_json(spec: NetworkSpec) -> str:
    """The numbers of a spec; what it has none of is left out, so that older releases read it where they can."""
    values = {name: value for name, value in _plain(spec).items() if value is not None}
    return json.dumps({"version": SPEC_VERSION, **values}, sort_keys=True)


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, at any depth; fields marked so are left out where they have their default."""
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if not dataclasses.is_dataclass(value):
        return value
    fields = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
    return {f.name: _plain(v) for f, v in fields if not (f.metadata.get(LEFT_OUT_AS_DEFAULT) and v == f.default)}


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
    except NetworkError as error:
        raise CheckpointError(f"The file's network cannot be built here. {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"The file's network description cannot be read ({error!r}).") from error


def _build(kind: Any, value: Any) -> Any:
    """A value of the annotated type `kind` from what JSON gives; unknown or missing names raise Key- or TypeError."""
    if isinstance(kind, types.UnionType):  # of a spec and None
        kind = typing.get_args(kind)[0] if value is not None else None
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        kinds = typing.get_type_hints(kind)
        return kind(**{name: _build(kinds[name], v) for name, v in value.items()})
    if typing.get_origin(kind) is tuple:  # of one type throughout
        return tuple(_build(typing.get_args(kind)[0], v) for v in value)
    return value
