"""Values that no key means, and YAML that is made to break a reader: one error each, at once."""

import argparse

import pytest

from src.common.checks import shown
from src.common.cli import parse_finite, parse_seed
from src.common.errors import ConfigError
from src.common.sizes import parse_size
from src.config.config import Config
from src.config.dataset import DatasetSpec
from src.config.yaml_file import read_yaml
from src.deploy.options import parse_shape


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lr", float("inf"), "`lr` must be a finite number, got inf"),
        ("lr", "1e999", "`lr` must be a finite number, got inf"),
        ("lr", float("nan"), "`lr` must"),
        ("lr", [["x"] * 99] * 99, r"`lr` must be float, got \[\['x'.*\.\.\. \(\d+ characters\)\.$"),
        ("seed", 2**32, r"`seed` must lie in \[0, 4294967296\), got 4294967296"),
        ("seed", "9" * 5000, "`seed` must be int, got '999"),
        ("epoch_size", 10**30, "`epoch_size` must be at most 2147483647, got 10000"),
        ("warmup_steps", "1" * 30, "`warmup_steps` must be at most 2147483647"),
        ("weight_decay", float("inf"), "`weight_decay` must be a finite number"),
    ],
)
def test_numbers_that_no_key_means(key, value, message):
    with pytest.raises(ConfigError, match=message) as refused:
        Config.from_values(**{key: value})
    assert len(str(refused.value)) < 400


def test_the_largest_seed():
    assert Config.from_values(seed=2**32 - 1).run.seed == 4294967295


@pytest.mark.parametrize("key", ["workers", "batch_size", "limit", "every"])
def test_counts_of_a_data_set(key):
    with pytest.raises(ConfigError, match=f"`{key}` must be at most 2147483647"):
        DatasetSpec("x", **{key: 2**31})


def test_types_of_options():
    assert (parse_finite("-1e3"), parse_seed("4294967295")) == (-1000.0, 4294967295)
    for text in ("inf", "-inf", "nan", "1e999", "x"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"finite number, got '{text}'"):
            parse_finite(text)
    for text in ("-1", "4294967296", "1.5", "x"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"a seed, 0 to 4294967295, got '{text}'"):
            parse_seed(text)
    assert shown("x" * 198) == repr("x" * 198) and shown("x" * 199).endswith("... (201 characters)")


def test_sizes_beyond_all_memory():
    assert parse_size("8192x8192") == (8192, 8192)
    with pytest.raises(ConfigError, match="A size of 100000x100000 has more than 67 million pixels"):
        parse_size("100000x100000")
    with pytest.raises(ConfigError, match="more than 67 million pixels"):
        parse_shape("1,3,320000,320000", 32)


NESTED = "a: " + "[" * 3000 + "]" * 3000
BOMB = "lr:\n - &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f" - &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nlr: 0.1\nseed: 2\n", r"has `seed` twice, in lines 1 and 3: keep one\.$"),
        ("train_dataset:\n  dataset_root: x\n  limit: 3\n  limit: 4\n", r"has `limit` twice, in lines 3 and 4"),
        (NESTED, r"is no valid YAML: nested too deeply\.$"),
        ("a: " + "{b: " * 3000 + "}" * 3000, r"is no valid YAML: nested too deeply\.$"),
        (BOMB, "aliases that unfold to more than 100000 values"),
        ("a: &a [1, *a]\n", "aliases that unfold to more than 100000 values"),
        ("a: 2026-99-99\n", "is no valid YAML: month must be in"),
    ],
)
def test_yaml_that_is_made_to_break_a_reader(text, message, tmp_path):
    (tmp_path / "c.yml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_yaml(tmp_path / "c.yml", "configuration")


def test_aliases_and_merges_that_are_none_of_that(tmp_path):
    (tmp_path / "c.yml").write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: *a\n")
    assert read_yaml(tmp_path / "c.yml", "configuration") == {
        "a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 1, "y": 2},
    }  # fmt: skip
    (tmp_path / "c.yml").write_text("")
    with pytest.raises(ConfigError, match="holds no `key: value` lines"):
        read_yaml(tmp_path / "c.yml", "configuration")
