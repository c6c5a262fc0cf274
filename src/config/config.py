"""YAML and command line -> one frozen `Config` of sections. Command line over YAML over the defaults.

Every field of a section is a key of the YAML file and a flag of the command line; an unknown one is an error that
names the nearest. A configuration never changes after loading, and the resolved copy is saved with every run.
"""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.errors import ConfigError
from ..common.files import write_text
from ..common.text import nearest
from .dataset import DatasetSpec
from .sections import (
    FINE_TUNING_RATE,
    FIRST_RATE,
    DataSection,
    DistillationSection,
    LossSection,
    NetworkSection,
    OptimiserSection,
    RunSection,
    ScheduleSection,
    SocSection,
)
from .values import plain
from .yaml_file import import_yaml, read_yaml


@dataclass(frozen=True)
class Config:
    """One run's configuration; a function takes the section that it needs."""

    data: DataSection = field(default_factory=DataSection)
    network: NetworkSection = field(default_factory=NetworkSection)
    loss: LossSection = field(default_factory=LossSection)
    distillation: DistillationSection = field(default_factory=DistillationSection)
    soc: SocSection = field(default_factory=SocSection)
    optimiser: OptimiserSection = field(default_factory=OptimiserSection)
    schedule: ScheduleSection = field(default_factory=ScheduleSection)
    run: RunSection = field(default_factory=RunSection)

    @classmethod
    def from_values(cls, **values: Any) -> "Config":
        """From keys as a YAML file has them; ConfigError for an unknown key or a value that cannot be used."""
        known = options()
        for key in values:
            if key not in known:
                raise ConfigError(f"Unknown key `{key}`.{nearest(key, known)}")
        kinds = _sections()
        names = {section: {one.name for one in dataclasses.fields(kind)} for section, kind in kinds.items()}
        sections = {
            section: kind(**{key: value for key, value in values.items() if key in names[section]})
            for section, kind in kinds.items()
        }
        return cls(**sections)

    def __post_init__(self) -> None:
        if self.schedule.lr is None:
            fine_tuned = self.network.ckpt_path is not None and not self.network.from_scratch
            rate = FINE_TUNING_RATE if fine_tuned else FIRST_RATE
            object.__setattr__(self, "schedule", dataclasses.replace(self.schedule, lr=rate))

    def replaced(self, **values: Any) -> "Config":
        """A copy with other values for some keys."""
        return type(self).from_values(**(self.values() | values))

    def values(self) -> dict[str, Any]:
        """All keys with their values, as `from_values` takes them."""
        sections = (getattr(self, one.name) for one in dataclasses.fields(self))
        return {one.name: getattr(section, one.name) for section in sections for one in dataclasses.fields(section)}

    def dataset(self, name: str) -> DatasetSpec:
        """`train_dataset` or `val_dataset`, with the run's `batch_size` and `workers` put in."""
        return self.data.dataset(name)

    def save(self, path: Path) -> None:
        """Write the resolved configuration as YAML that `load_config` reads."""
        values = {key: dataclasses.asdict(v) if isinstance(v, DatasetSpec) else v for key, v in self.values().items()}
        write_text(path, import_yaml().safe_dump(plain(values), sort_keys=False, allow_unicode=True))


def _sections() -> dict[str, Any]:
    """The class of each section of `Config`."""
    return typing.get_type_hints(Config)


def options() -> dict[str, dataclasses.Field[Any]]:
    """All keys of a configuration with their fields, section by section."""
    return {one.name: one for kind in _sections().values() for one in dataclasses.fields(kind)}


def load_config(path: str | Path | None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read a YAML file (None: defaults only) and put `overrides` (flags that were given) over it."""
    values = read_yaml(Path(path), "configuration", "Give --config FILE.yml.") if path else {}
    known = options()
    for key in values:
        if key not in known:
            raise ConfigError(f"{path}: unknown key `{key}`.{nearest(key, known)}")
    for section in ("train_dataset", "val_dataset"):
        if values.get(section) is not None:
            values[section] = DatasetSpec.from_dict(values[section], section)
    return Config.from_values(**(values | dict(overrides or {})))
