"""The pre-processing that data sets state by their transforms."""

import pytest

from src.common.errors import ConfigError
from src.config.config import Config
from src.config.dataset import DatasetSpec
from src.data.preprocess import preprocess_of
from src.spec.preprocess import Preprocess


def stated(train=None, val=None) -> Preprocess:
    sections = {"train_dataset": train, "val_dataset": val}
    specs = {key: DatasetSpec("a", transforms=tuple(value)) for key, value in sections.items() if value is not None}
    return preprocess_of(Config.from_values(**specs).data)


def test_what_no_transform_states_is_the_default():
    assert stated(train=[]) == stated(val=[{"type": "ResizeByShort"}, {"type": "Normalize"}]) == Preprocess()


def test_the_validation_set_states_the_size():
    train, val = [{"type": "ResizeByShort", "ref_size": 320}], [{"type": "ResizeByShort", "ref_size": 448}]
    assert stated(train, val).ref_size == 448
    assert stated(train).ref_size == 320


def test_the_longer_side_can_be_stated():
    both = stated([{"type": "ResizeByShort", "ref_size": 320}], [{"type": "ResizeByLong", "ref_size": 448}])
    assert both == Preprocess(ref_size=448, ref_side="longer")
    assert stated(val=[{"type": "ResizeByLong"}]) == Preprocess(ref_side="longer")


def test_corners_aligned_are_one_size_for_all_images():
    assert stated(val=[{"type": "ResizeAlignCorners", "target_size": [288, 160]}]).ref_size == (160, 288)
    assert stated(val=[{"type": "ResizeAlignCorners"}]).ref_size == (256, 256)


def test_both_sets_normalise_alike():
    one = {"type": "Normalize", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    assert stated([one], [one]).mean == (0.485, 0.456, 0.406)
    with pytest.raises(ConfigError, match="use the same mean and std"):
        stated([one], [{"type": "Normalize"}])
    with pytest.raises(ConfigError, match="`mean` must be three numbers"):
        stated([{"type": "Normalize", "mean": 0.5}])


def test_no_data_set():
    with pytest.raises(ConfigError, match="neither `train_dataset` nor `val_dataset`"):
        stated()
