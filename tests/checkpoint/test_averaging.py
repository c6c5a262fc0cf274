"""Averages of checkpoints: values by hand, what is kept and what is not, refusals."""

from dataclasses import replace
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest

from src.checkpoint.averaging import average_checkpoints
from src.checkpoint.file import load_network, read_checkpoint, save_checkpoint
from src.common.errors import CheckpointError, ConfigError, OutputError
from src.programs import average
from src.spec.preprocess import Preprocess
from tests.support.narrow import narrow_spec, narrow_state, save_narrow
from tests.support.programs import run_main


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> list[Path]:
    """Two narrow networks, the first with the training's scores."""
    folder = tmp_path_factory.mktemp("two")
    first = save_narrow(folder / "first.ckpt", preprocess=Preprocess(ref_size=96))
    checkpoint = read_checkpoint(first)
    weights = {name: ms.Tensor(value) for name, value in narrow_state(1).items()}
    save_checkpoint(folder / "second.ckpt", weights, checkpoint.meta, {"step": ms.Tensor([3.0])})
    return [first, folder / "second.ckpt"]


def test_the_mean_by_hand(two, tmp_path):
    done = run_main(average.main, "--ckpt_path", *two, "--shares", 3, 1, "--output", tmp_path / "mean.ckpt")
    assert done.status == 0, done.err
    found, one, other = read_checkpoint(tmp_path / "mean.ckpt"), narrow_state(0), narrow_state(1)
    assert set(found.weights) == set(one)
    for name, value in found.weights.items():
        np.testing.assert_allclose(value.asnumpy(), 0.75 * one[name] + 0.25 * other[name], rtol=1e-6, atol=1e-7)
    assert found.meta.preprocess.ref_size == 96 and found.meta.scores == {} and found.state == {}
    assert found.meta.source == {"average": "0.750 first.ckpt, 0.250 second.ckpt"}
    load_network(tmp_path / "mean.ckpt")


def test_equal_networks_stay_and_the_log_gives_distances(two, tmp_path):
    done = run_main(average.main, "--ckpt_path", two[0], two[0], two[1], "--output", tmp_path / "mean.ckpt")
    one, other = narrow_state(0), narrow_state(1)
    kernels = [name for name, value in one.items() if value.ndim > 1]
    length = sum((one[n] ** 2).sum() for n in kernels) ** 0.5
    expected = 100 * sum(((other[n] - one[n]) ** 2).sum() for n in kernels) ** 0.5 / length
    assert f"0.333 of {two[0]}, 0.00 % from the first" in done.out and f"{two[1]}, {expected:.2f} %" in done.out
    average_checkpoints([two[0]] * 3, None, tmp_path / "same.ckpt")
    for name, value in read_checkpoint(tmp_path / "same.ckpt").weights.items():
        np.testing.assert_allclose(value.asnumpy(), one[name], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("shares", [[1], [1, 1, 1], [1, 0], [1, -1], [1, float("nan")]])
def test_shares_that_do_not_fit(two, tmp_path, shares):
    with pytest.raises(ConfigError, match="one positive number for each"):
        average_checkpoints(two, shares, tmp_path / "mean.ckpt")


def test_mistakes(two, tmp_path):
    output = tmp_path / "mean.ckpt"
    with pytest.raises(ConfigError, match="two checkpoints or more, got 1"):
        average_checkpoints(two[:1], None, output)
    other = save_narrow(tmp_path / "other.ckpt", spec=replace(narrow_spec(), se_hidden=5))
    with pytest.raises(CheckpointError, match="another network"):
        average_checkpoints([*two, other], None, output)
    checkpoint = read_checkpoint(two[0])
    broken = {name: value.asnumpy().copy() for name, value in checkpoint.weights.items()}
    broken["encoder.stem.conv.weight"][0] = np.nan
    save_checkpoint(tmp_path / "nan.ckpt", {n: ms.Tensor(v) for n, v in broken.items()}, checkpoint.meta)
    with pytest.raises(CheckpointError, match=r"encoder\.stem\.conv\.weight in .*nan\.ckpt is not finite"):
        average_checkpoints([two[0], tmp_path / "nan.ckpt"], None, output)
    assert not output.exists()
    output.write_bytes(b"mine")
    with pytest.raises(OutputError, match="is there already"):
        average_checkpoints(two, None, output)
    assert output.read_bytes() == b"mine"
    assert (
        "No checkpoint at"
        in run_main(
            average.main, "--ckpt_path", two[0], tmp_path / "absent.ckpt", "--output", tmp_path / "new.ckpt"
        ).assert_refused()
    )
