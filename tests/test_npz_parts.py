"""What the npz programs are made of: shapes as text, the one size, names, batches."""

import numpy as np
import pytest

from src.errors import ConfigError, DataError, ModelError
from src.npz_route import fixed_size, infer, parse_size, read_datalist, refuse_twice, write_npz
from src.npz_scores import read_output
from src.runtime.base import InputForm, Predictor
from src.spec import Preprocess


def test_shapes_as_text():
    assert parse_size("1,3,480,288") == parse_size("480,288") == (480, 288)
    for text in ("480", "3,480,288", "2,3,480,288", "1,4,32,32", "1,3,-1,-1", "0,32", "a,b", ""):
        with pytest.raises(ConfigError, match="`input_shape` must be 1,3,H,W or H,W"):
            parse_size(text)


def test_one_size_for_all():
    own = Preprocess(ref_size=(255, 200))
    assert fixed_size(None, own, InputForm()) == (255, 200)
    assert fixed_size((64, 96), own, InputForm()) == (64, 96)
    assert fixed_size((64, 96), Preprocess(), InputForm(size=(64, 96))) == (64, 96)


def test_names_and_batches(tmp_path):
    class Pair(Predictor):
        def run(self, x):
            raise AssertionError

    with pytest.raises(ModelError, match=r"batches of 2, an npz holds one"):
        infer(Pair(Preprocess(), InputForm(batch=2)), [], tmp_path)
    write_npz(tmp_path / "free.npz", "input", np.zeros((1, 3, 64, 90), np.float32))
    with pytest.raises(DataError, match=r"float32 \[1, 3, 64, 90\], .* takes float32 \[1, 3, H, W of multiples of 32"):
        infer(Pair(Preprocess()), [tmp_path / "free.npz"], tmp_path)
    with pytest.raises(DataError, match="2 picture names occur twice: b, c"):
        refuse_twice(["a", "b", "c", "b", "c"])
    with pytest.raises(DataError, match="Cannot read the list"):
        read_datalist(tmp_path)
    write_npz(tmp_path / "a.npz", "output", np.float32([[-0.01, 1.01]]))
    assert read_output(tmp_path / "a.npz").tolist() == np.float32([[-0.01, 1.01]]).tolist()
