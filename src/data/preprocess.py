"""The pre-processing that a configuration's data sets state."""

from dataclasses import replace

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
    """What the transforms of one data set state; the rest as `Preprocess` has it."""
    stated = Preprocess()
    for transform in spec.transforms:
        kind = transform.get("type")
        if kind == "Normalize":
            mean = checks.triple("mean", transform.get("mean", stated.mean), 0, 1)
            std = checks.triple("std", transform.get("std", stated.std), 1e-3, 10)
            stated = replace(stated, mean=mean, std=std)
        elif kind == "ResizeByShort" and "ref_size" in transform:
            stated = replace(stated, ref_size=checks.whole("ref_size", transform["ref_size"], 1))
        elif kind == "ResizeAlignCorners":
            width, height = checks.size("target_size", transform.get("target_size", ResizeAlignCorners.target_size))
            stated = replace(stated, ref_size=(height, width))
    return stated
