"""The pre-processing that a configuration's data sets state."""

from dataclasses import replace

from ..common.errors import ConfigError
from ..config.dataset import DatasetSpec
from ..config.sections import DataSection
from ..spec.preprocess import Preprocess
from .transforms import checks
from .transforms.mmnet import ResizeAlignCorners

_SIDES = {"ResizeByShort": "shorter", "ResizeByLong": "longer"}


def preprocess_of(data: DataSection) -> Preprocess:
    """Pre-processing that the transforms of the validation set state, or those of the training set where it is alone.

    Raises:
        ConfigError: there is no data set, or the two normalise differently.
    """
    stated = [_stated(spec) for spec in (data.val_dataset, data.train_dataset) if spec is not None]
    if not stated:
        raise ConfigError("The configuration has neither `train_dataset` nor `val_dataset`. P3M.yml shows both.")
    if len({(pre.mean, pre.std) for pre in stated}) > 1:
        raise ConfigError("`Normalize` differs between train_dataset and val_dataset: use the same mean and std.")
    return stated[0]


def _stated(spec: DatasetSpec) -> Preprocess:
    """What the transforms of one data set state; the rest as `Preprocess` has it."""
    stated = Preprocess()
    for transform in spec.transforms:
        kind = transform.get("type")
        if kind == "Normalize":
            mean = checks.triple("mean", transform.get("mean", stated.mean), 0, 1)
            std = checks.triple("std", transform.get("std", stated.std), 1e-3, 10)
            stated = replace(stated, mean=mean, std=std)
        elif kind in _SIDES:
            size = checks.whole("ref_size", transform.get("ref_size", stated.ref_size), 1)
            stated = replace(stated, ref_size=size, ref_side=_SIDES[kind])
        elif kind == "ResizeAlignCorners":
            width, height = checks.size("target_size", transform.get("target_size", ResizeAlignCorners.target_size))
            stated = replace(stated, ref_size=(height, width))
    return stated
