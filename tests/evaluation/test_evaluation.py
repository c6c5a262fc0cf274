"""Evaluation with a network whose error is known, on images of known alpha; and eval.py's mistakes."""

from dataclasses import replace
from threading import get_ident

import cv2
import numpy as np
import pytest

from src.common.errors import DataError
from src.data.pairs import Pair, find_trimaps
from src.evaluation.offline.npz_store import FileTruth, NpzOutputs, write_npz
from src.evaluation.offline.score import score
from src.evaluation.results import EvalResult
from src.evaluation.score import ImageScores, evaluate
from src.imaging import write_alpha, write_png
from src.metrics.matte import score_regions
from src.programs import eval as program
from src.runtime.base import Predictor
from src.runtime.mindspore_runtime import MindSporePredictor
from src.spec.preprocess import Preprocess
from tests.support.narrow import narrow_network
from tests.support.programs import run_main

PREPROCESS = Preprocess(mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0), ref_size=64)
SIZES = {"a": (40, 60), "b": (90, 50), "c": (70, 70), "d": (33, 65)}  # height, width


class Constant(Predictor):
    """Says 0.25 everywhere, and remembers what it was shown."""

    def __init__(self):
        super().__init__(PREPROCESS)
        self.inputs: list[np.ndarray] = []

    def run(self, x):
        self.inputs.append(x)
        return np.full((1, 1, *x.shape[2:]), 0.25, np.float32)


@pytest.fixture
def pairs(tmp_path) -> list[Pair]:
    """Grey images; the true alpha is 1 in the first rows (a quarter, half, ... of them) and 0 below."""
    found = []
    for k, (name, (height, width)) in enumerate(SIZES.items()):
        alpha = np.zeros((height, width), np.float32)
        alpha[: height * (k + 1) // 5] = 1
        write_png(tmp_path / "image" / f"{name}.png", np.full((height, width, 3), 51, np.uint8))
        write_alpha(tmp_path / "mask" / f"{name}.png", alpha)
        found.append(Pair(name, tmp_path / "image" / f"{name}.png", tmp_path / "mask" / f"{name}.png"))
    return found


def share(name: str) -> float:
    """Part of the image where the alpha is 1."""
    height = SIZES[name][0]
    return (height * (list(SIZES).index(name) + 1) // 5) / height


@pytest.mark.parametrize("cores", [1, 2, 3, 64])
@pytest.mark.parametrize("on_cpu", [True, False])
def test_helpers_beside_the_network(pairs, monkeypatch, cores, on_cpu):
    """None beside a network that needs both of two cores; the scores are the same either way."""
    predictor, threads = Constant(), set()
    predictor.on_cpu = on_cpu
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr("src.evaluation.score.score_regions", lambda *a: threads.add(get_ident()) or score_regions(*a))
    result = evaluate(predictor, pairs, "m.ckpt", "set")
    assert (get_ident() in threads) == (on_cpu and cores <= 2)
    assert result.per_picture == evaluate(Constant(), pairs, "m", "s").per_picture


def test_scores_by_hand(pairs):
    result = evaluate(Constant(), pairs, "m.ckpt", "set")
    assert (result.model, result.dataset, result.pictures) == ("m.ckpt", "set", 4)
    assert [row["name"] for row in result.per_picture] == list(SIZES)
    squares = {name: share(name) * 0.75**2 + (1 - share(name)) * 0.25**2 for name in SIZES}
    absolutes = {name: share(name) * 0.75 + (1 - share(name)) * 0.25 for name in SIZES}
    for row in result.per_picture:
        height, width = SIZES[row["name"]]
        assert row["whole"]["mse"] == pytest.approx(squares[row["name"]], rel=1e-6)
        assert row["whole"]["mad"] == pytest.approx(absolutes[row["name"]], rel=1e-6)
        assert row["whole"]["sad"] == pytest.approx(absolutes[row["name"]] * height * width / 1000, rel=1e-6)
        # Nothing reaches 0.5: background counts with its share of the image, the person with nothing.
        assert row["whole"]["miou"] == pytest.approx((1 - share(row["name"])) / 2, rel=1e-6)
        # The edge has as many rows of 1 as of 0 within the band's radius.
        assert row["band"]["mad"] == pytest.approx(0.5, rel=1e-6)
    # Every image weighs the same, whatever its size.
    assert result.whole["mse"] == pytest.approx(np.mean(list(squares.values())), rel=1e-6)
    assert result.whole["mad"] == pytest.approx(np.mean(list(absolutes.values())), rel=1e-6)
    assert 0 < result.network_seconds < result.seconds


def test_trimaps_say_what_the_band_is(pairs, tmp_path):
    """The unknown rows of each trimap are scored in place of the alpha's own band."""
    for pair in pairs:
        height, width = SIZES[pair.name]
        trimap = np.zeros((height, width), np.float32)
        trimap[:4], trimap[4:8] = 128 / 255, 1
        write_alpha(tmp_path / "trimap" / f"{pair.name}.png", trimap)
    trimaps = find_trimaps(tmp_path / "trimap", list(SIZES))
    with_trimaps = [replace(pair, trimap=trimaps[pair.name]) for pair in pairs]
    result = evaluate(Constant(), with_trimaps, "m.ckpt", "set")
    for row in result.per_picture:
        assert row["band"]["mse"] == pytest.approx(0.75**2, rel=1e-6)
        assert row["band"]["sad"] == pytest.approx(0.75 * 4 * SIZES[row["name"]][1] / 1000, rel=1e-6)
    plain = evaluate(Constant(), pairs, "m.ckpt", "set")
    assert plain.whole == result.whole and plain.band != result.band
    NpzOutputs(tmp_path / "out").begin()
    for name in trimaps:
        write_npz(tmp_path / "out" / f"{name}.npz", "output", np.full((32, 32), 0.25, np.float32))
    truth = FileTruth.of_pairs(with_trimaps, False, "set")
    assert score(NpzOutputs(tmp_path / "out"), truth).band == pytest.approx(result.band)


def test_what_is_no_trimap(pairs, tmp_path):
    height, width = SIZES["a"]
    with pytest.raises(DataError, match=r"No trimap in '.*' for 3 of 4 images: b, c, d"):
        write_alpha(tmp_path / "trimap" / "a.png", np.zeros((height, width), np.float32))
        find_trimaps(tmp_path / "trimap", list(SIZES))
    write_alpha(tmp_path / "trimap" / "a.png", np.zeros((height, width + 1), np.float32))
    pair = replace(pairs[0], trimap=tmp_path / "trimap" / "a.png")
    with pytest.raises(DataError, match=r"a\.png' is 61x40 but its image is 60x40"):
        evaluate(Constant(), [pair], "m", "s")
    ramp = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
    write_alpha(tmp_path / "trimap" / "a.png", ramp)
    with pytest.raises(DataError, match=r"is no trimap: \d+ % of its values between 0 and 255 are not 128"):
        evaluate(Constant(), [pair], "m", "s")


def test_the_network_sees_the_one_preprocessing(pairs):
    predictor = Constant()
    evaluate(predictor, pairs, "m", "s")
    # short side 64 where both sides are below or above it, else kept; then the nearest multiple of 32
    assert [x.shape for x in predictor.inputs] == [(1, 3, 64, 96), (1, 3, 96, 64), (1, 3, 64, 64), (1, 3, 32, 64)]
    expected = [(0.2 - mean) / std for mean, std in zip(PREPROCESS.mean, PREPROCESS.std, strict=True)]  # 51 / 255 = 0.2
    for x in predictor.inputs:
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, np.broadcast_to(np.float32(expected)[:, None, None], x.shape), atol=1e-6)


def test_mattes_have_the_images_size(pairs, tmp_path):
    evaluate(Constant(), pairs, "m", "s", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{name}.png" for name in SIZES]
    for name, size in SIZES.items():
        matte = cv2.imread(str(tmp_path / "out" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert matte.dtype == np.uint8
        np.testing.assert_array_equal(matte, np.full(size, 64))  # 0.25 * 255 = 63.75


def test_images_are_reported_in_order(pairs):
    seen: list[ImageScores] = []
    evaluate(Constant(), iter(pairs), "m", "s", on_image=seen.append)
    assert [scores.name for scores in seen] == list(SIZES)


def test_a_pair_of_two_sizes_is_named(pairs):
    write_alpha(pairs[2].alpha, np.zeros((70, 35), np.float32))
    with pytest.raises(DataError, match=r"c\.png' is 70x70 .*c\.png' is 35x70.*check_dataset"):
        evaluate(Constant(), pairs, "m", "s")


def test_a_damaged_image_is_named(pairs):
    pairs[3].image.write_bytes(pairs[3].image.read_bytes()[:40])
    with pytest.raises(DataError, match=r"image/d\.png"):
        evaluate(Constant(), pairs, "m", "s")


def test_a_broken_network_is_said_to_be_one(pairs):
    class Broken(Constant):
        def run(self, x):
            return np.full((1, 1, *x.shape[2:]), np.nan, np.float32)

    with pytest.raises(DataError, match="nan means that the network itself is broken"):
        evaluate(Broken(), pairs, "m", "s")


def test_no_images():
    with pytest.raises(DataError, match="no image was evaluated"):
        evaluate(Constant(), [], "m", "s")


def test_colour_alphas_only_where_they_are_allowed(pairs):
    grey = cv2.imread(str(pairs[0].alpha), cv2.IMREAD_UNCHANGED)
    write_png(pairs[0].alpha, np.dstack([grey] * 3))
    with pytest.raises(DataError):
        pairs[0].read()
    np.testing.assert_array_equal(pairs[0].read(allow_rgb=True)[1], grey / np.float32(255))


def test_results_come_back_from_json(pairs, tmp_path):
    result = evaluate(Constant(), pairs, "模型.ckpt", "set")
    result.save(tmp_path / "eval.json")
    assert EvalResult.load(tmp_path / "eval.json") == result


@pytest.mark.slow
def test_the_mindspore_predictor_is_the_network_with_its_own_preprocessing(narrow_ckpt):
    predictor, meta = MindSporePredictor.from_checkpoint(narrow_ckpt)
    assert predictor.preprocess == meta.preprocess == Preprocess()
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 64, 96)).astype(np.float32)
    direct = MindSporePredictor(narrow_network(), Preprocess())
    np.testing.assert_array_equal(predictor.run(x), direct.run(x))
    matte = predictor.predict(np.random.default_rng(1).integers(0, 256, (40, 51, 3), np.uint8))
    assert matte.shape == (40, 51) and matte.dtype == np.float32 and 0 <= matte.min() < matte.max() <= 1


def test_the_help_is_about_scoring(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["eval.py", "--help"])
    with pytest.raises(SystemExit):
        program.main()
    text = " ".join(capsys.readouterr().out.split())
    assert "checkpoint or released model to score" in text and "start from all weights" not in text


def test_a_model_that_cannot_be_opened_leaves_no_folder(tiny_config, tmp_path):
    done = run_main(program.main, "--config", tiny_config, "--model", "absent.onnx", "--output_path", tmp_path / "out")
    assert "absent.onnx" in done.assert_refused() and not (tmp_path / "out").exists()


def test_mistakes_on_the_command_line(tiny_config, narrow_ckpt, tmp_path):
    def refused(*arguments) -> str:
        return run_main(program.main, *arguments, "--output_path", tmp_path / "out").assert_refused()

    assert "--ckpt_path FILE.ckpt" in refused("--config", tiny_config, "--ckpt_path", "None")
    assert "no `val_dataset` section" in refused("--ckpt_path", narrow_ckpt)
    absent = tmp_path / "absent.ckpt"
    assert f"No checkpoint at {absent}" in refused("--config", tiny_config, "--ckpt_path", absent)
    (tmp_path / "cut.ckpt").write_bytes(narrow_ckpt.read_bytes()[:5000])
    assert "is no whole MindSpore checkpoint" in refused("--config", tiny_config, "--ckpt_path", tmp_path / "cut.ckpt")
    place = tmp_path / "cut.ckpt" / "out"
    done = run_main(program.main, "--config", tiny_config, "--ckpt_path", narrow_ckpt, "--output_path", place)
    assert f"Cannot write to {place}" in done.assert_refused()
