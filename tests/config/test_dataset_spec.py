"""The zoo's data set keys and what is said about wrong ones."""

import pytest

from src.common.errors import ConfigError
from src.common.text import nearest
from src.config.dataset import DatasetSpec


def test_the_zoos_section():
    spec = DatasetSpec.from_dict(
        {"type": "MattingDataset", "name": "P3M-10k", "dataset_root": "./data/P3M-10k/", "img_subpath": "train/image",
         "alpha_subpath": "train/mask", "workers": 2, "batch_size": 8, "transforms": [{"type": "LoadImages"}]}
    )  # fmt: skip
    assert (spec.name, spec.workers, spec.batch_size) == ("P3M-10k", 2, 8)
    assert spec.transforms == ({"type": "LoadImages"},)
    assert DatasetSpec.from_dict({"dataset_root": "x"}) == DatasetSpec("x")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "`train_dataset` has no `dataset_root`"),
        (
            {"dataset_root": "x", "batchsize": 3},
            "Unknown key `batchsize` in `train_dataset`. Did you mean `batch_size`?",
        ),
        ({"dataset_root": "x", "qqq": 3}, "Known are: alpha_allow_rgb, alpha_channel, alpha_subpath"),
        ({"dataset_root": "x", "name": "p3m-10K"}, "`name` cannot be 'p3m-10K'. Did you mean `P3M-10k`?"),
        ({"dataset_root": "x", "name": None}, "`name` cannot be None"),
        ({"dataset_root": "x", "type": "ImageNet"}, "`type` cannot be 'ImageNet'"),
        ({"dataset_root": 3}, "`dataset_root` must be a path, got 3"),
        ({"dataset_root": ""}, "`dataset_root` must be a path, got ''"),
        ({"dataset_root": "x", "batch_size": 0}, "`batch_size` must be a whole number of at least 1, got 0"),
        ({"dataset_root": "x", "batch_size": True}, "got True"),
        ({"dataset_root": "x", "workers": -1}, "`workers` must be a whole number of at least 0"),
        ({"dataset_root": "x", "limit": 2.5}, "`limit` must be a whole number"),
        (
            {"dataset_root": "x", "alpha_channel": 3},
            "`alpha_channel` is 4 for RGBA files, or left out, got 3",
        ),
        ({"dataset_root": "x", "alpha_allow_rgb": "yes"}, "`alpha_allow_rgb` is True or False, got 'yes'"),
        ({"dataset_root": "x", "transforms": "LoadImages"}, "`transforms` is a list"),
        ({"dataset_root": "x", "transforms": ["LoadImages"]}, "`transforms` is a list"),
        ({"dataset_root": "x", "img_subpath": None}, "`img_subpath` is missing"),
        ({"dataset_root": "x", "name": "AMD"}, "`fg_names` is missing"),
        ({"dataset_root": "x", "name": "AMD", "fg_names": "f.txt"}, "needs `bg_names`"),
        ([1, 2], "must be a section"),
        ({"dataset_root": "x", "also": "y"}, "`also` is a list"),
        ({"dataset_root": "x", "also": [{"dataset_rot": "y"}]}, "Did you mean `dataset_root`?"),
        ({"dataset_root": "x", "also": [{"limit": 2}]}, "no `dataset_root`"),
    ],
)
def test_mistakes_are_named(values, text):
    with pytest.raises(ConfigError) as caught:
        DatasetSpec.from_dict(values, "train_dataset")
    assert text in str(caught.value)


def test_amd_composes_unless_it_names_merged_images():
    values = {"dataset_root": "x", "name": "AMD", "fg_names": "f.txt"}
    assert DatasetSpec.from_dict({**values, "bg_names": "b.txt"}).img_subpath is None
    assert DatasetSpec.from_dict({**values, "img_subpath": "merged"}).img_subpath == "merged"


def test_nearest():
    assert nearest("alhpa", ["alpha", "trimap"]) == " Did you mean `alpha`?"
    assert nearest("zzz", ["b", "a"]) == " Known are: a, b."
