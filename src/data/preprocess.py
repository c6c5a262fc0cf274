"""The pre-processing that a configuration's data sets state."""

from ..common.errors import ConfigError
from ..config.config import Config
from ..config.dataset import DatasetSpec
from ..spec.preprocess import Preprocess
from .transforms import checks
from .transforms.mmnet import ResizeAlignCorners


def preprocess_of(config: Config) -> Preprocess:
    """Pre-processing that the data sets' transforms state; training and validation must normalise alike."""
    sections = {name: getattr(config, name) for name in ("train_dataset", "val_dataset")}
    stated = {name: _stated(spec) for name, spec in sections.items() if spec is not None}
    if len({(pre.mean, pre.std) for pre in stated.values()}) > 1:
        raise ConfigError("`Normalize` differs between train_dataset and val_dataset: use the same mean and std.")
    return stated.get("val_dataset") or stated["train_dataset"]


def _stated(spec: DatasetSpec) -> Preprocess:
    values = {}
    for transform in spec.transforms:
        if transform.get("type") == "Normalize":
            values |= {k: tuple(float(x) for x in transform[k]) for k in ("mean", "std") if k in transform}
        if transform.get("type") == "ResizeByShort" and "ref_size" in transform:
            values["ref_size"] = int(transform["ref_size"])
        if transform.get("type") == "ResizeAlignCorners":
            width, height = checks.size("target_size", transform.get("target_size", ResizeAlignCorners.target_size))
            values["ref_size"] = (height, width)
    return Preprocess(**values)
