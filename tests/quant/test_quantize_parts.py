"""Quantisation in its parts: layers, their noise, ranges of maps, the search for layers to keep, what is refused."""

import argparse
import sys
from unittest import mock

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from src.common.errors import ConfigError, DataError, DeviceError
from src.config.config import Config
from src.config.dataset import DatasetSpec
from src.evaluation.results import EvalResult
from src.imaging import write_alpha
from src.quant import budget, registry
from src.quant.budget import FloatLayerSearch, Score
from src.quant.calibration import View, calibration_files, calibration_inputs, weaknesses
from src.quant.float16 import half_weights
from src.quant.layers import layers_of
from src.quant.noise import rounded_weight, signal_to_noise
from src.quant.onnx_ranges import ranges_of
from src.quant.options import Calibration, QuantizationJob, Variant, add_arguments, from_args, read_job
from src.quant.registry import Choice, known_backends, register_backend
from src.quant.run import quantise
from src.quant.scoring import Validation, warn_of_loss
from src.runtime.base import InputForm
from tests.support.fake_predictor import RedPredictor


def model_of(weights: list[np.ndarray], size: int = 8) -> onnx.ModelProto:
    """1x1 convolutions `c0`, `c1`, ... one after the other."""
    nodes, constants, last = [], [], "input"
    for i, weight in enumerate(weights):
        nodes.append(helper.make_node("Conv", [last, f"w{i}"], [f"c{i}"], f"c{i}"))
        constants.append(numpy_helper.from_array(weight.astype(np.float32)[:, :, None, None], f"w{i}"))
        last = f"c{i}"
    shapes = [[1, len(weight), size, size] for weight in (weights[0].T, weights[-1])]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(("input", last), shapes, strict=True)
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_layer_is_a_convolution_and_what_lies_before_it():
    operators = [
        ("scale", False, ["input"]),
        ("a", True, ["scale"]),
        ("a/norm", False, ["a"]),
        ("b", True, ["a/norm"]),
        ("sum", False, ["a/norm", "b"]),
        ("up", False, ["sum"]),
        ("c", True, ["up", "weight"]),
        ("d", True, ["up"]),
        ("sigmoid", False, ["d"]),
    ]
    found = layers_of(operators)
    assert list(found) == ["a", "b", "c", "d"]
    members = {name: sorted(names) for name, names in found.items()}
    assert members == {
        "a": ["a", "scale"],
        "b": ["a/norm", "b"],
        "c": ["a/norm", "c", "sum", "up"],
        "d": ["a/norm", "d", "sum", "up"],
    }


def test_weights_are_rounded_per_output_channel():
    weight = np.array([[127, 1.4, -0.6], [0.127, 0.0014, 0]]).reshape(2, 3, 1, 1)
    expected = np.array([[127, 1, -1], [0.127, 0.001, 0]]).reshape(2, 3, 1, 1)
    np.testing.assert_allclose(rounded_weight(weight), expected, rtol=1e-6)


def test_noise_is_that_of_rounding_to_256_levels():
    x = np.random.default_rng(0).uniform(0, 255, (1, 1, 64, 64)).astype(np.float32)
    x[0, 0, 0, :2] = 0, 255  # steps of 1: an error of variance 1/12, twice, since the output is rounded again
    found = signal_to_noise(model_of([np.ones((1, 1))], 64), [x, x])
    assert list(found) == ["c0"]
    # The rounded values are whole, so that rounding them again changes nothing.
    assert found["c0"] == pytest.approx(10 * np.log10((x**2).mean() / (1 / 12)), abs=0.3)


def test_a_large_channel_drowns_the_others_but_not_the_mean():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 8, 8, 8)).astype(np.float32)
    large = np.ones(8)
    large[3] = 1000
    weights = [rng.standard_normal((8, 8)) for _ in range(4)]
    fair = signal_to_noise(model_of(weights), [x])
    planted = [weights[0], weights[1] * large[:, None], weights[2] / large, weights[3]]
    found = signal_to_noise(model_of(planted), [x])
    assert min(fair.values()) > 30
    assert max(found["c1"], found["c2"]) < 5
    assert min(found["c0"], found["c3"]) > 30


def test_ranges_with_an_outlier(tmp_path):
    """Half a million normal values and one of 100: minmax keeps it, the others cut it off, KL the most."""
    rng = np.random.default_rng(0)
    onnx.save(model_of([np.ones((1, 1))], 256), tmp_path / "m.onnx")
    inputs = [rng.standard_normal((1, 1, 256, 256)).astype(np.float32) for _ in range(8)]
    inputs[0][0, 0, 5, 5] = 100
    bounds = {}
    for method in ("minmax", "percentile", "kl"):
        found = ranges_of(tmp_path / "m.onnx", iter(inputs), method, ["Conv"])
        bounds[method] = [float(value) for value in found["c0"].range_value]
    assert bounds["minmax"] == pytest.approx([min(x.min() for x in inputs), 100])
    largest = max(np.sort(x.ravel())[-2] for x in inputs)
    # The percentile leaves 2.6 of 524,288 values out at each end, and its bound is the edge of a bin of 2,048. KL
    # cannot go below 256 of its 1,024 bins, which the outlier has made 0.2 wide.
    assert 4 < bounds["percentile"][1] < largest + 0.2
    assert 25 <= bounds["kl"][1] < 50


def search(costs: dict[str, float], most: float, together: frozenset[str] = frozenset(), snr: dict | None = None):
    """Layers that each add their cost to an MSE of 1, those of `together` only while not all of them are in float."""
    seen = []

    def score(keep: tuple[str, ...]) -> Score:
        seen.append(keep)
        mse = 1 + sum(cost for layer, cost in costs.items() if layer not in keep and layer not in together)
        mse += sum(costs[layer] for layer in together) if together - set(keep) else 0
        return Score(mse, 2 * mse)

    noise = snr or {layer: -cost for layer, cost in costs.items()}
    return FloatLayerSearch(score, Score(1, 2), most).run(lambda: noise), seen


def test_nothing_stays_in_float_where_the_budget_holds():
    outcome, seen = search({"a": 0.05, "b": 0.04}, 0.1)
    assert outcome.met and outcome.chosen.keep_float == () and seen == [()]
    assert outcome.chosen.mse_increase == pytest.approx(0.09)


def test_the_harmful_layers_stay_in_float():
    costs = {f"l{i}": 0.01 for i in range(20)} | {"l7": 0.5, "l3": 0.3}
    outcome, seen = search(costs, 0.25)
    assert outcome.met and outcome.chosen.keep_float == ("l7", "l3")
    assert outcome.chosen.mse_increase == pytest.approx(0.18)
    assert [harm.layer for harm in outcome.ranking[:2]] == ["l7", "l3"]
    assert outcome.ranking[0].harm == pytest.approx(1.0)  # of the band, whose errors are twice as large
    assert sum(harm.harm is not None for harm in outcome.ranking) == budget.CANDIDATES
    assert len(seen) == len(set(map(frozenset, seen))) == len(outcome.trials)


def test_layers_that_harm_only_together_are_found():
    costs = {f"l{i}": 0.01 for i in range(8)} | {"l2": 0.3, "l5": 0.3}
    outcome, _ = search(costs, 0.1, together=frozenset({"l2", "l5"}))
    assert outcome.met and set(outcome.chosen.keep_float) == {"l2", "l5"}


def test_a_wrong_first_ranking_is_put_right_by_the_score():
    costs = {f"l{i}": 0.001 for i in range(8)} | {"bad": 0.5}
    snr = {layer: float(i) for i, layer in enumerate(costs)} | {"bad": 6.5}
    outcome, _ = search(costs, 0.1, snr=snr)
    assert outcome.chosen.keep_float == ("bad",)


def test_a_budget_that_nothing_keeps():
    outcome, seen = search({f"l{i}": 0.1 for i in range(10)}, 0.05)
    assert not outcome.met and outcome.chosen.mse_increase == pytest.approx(0.1)
    assert len(outcome.chosen.keep_float) == 9 and max(map(len, seen)) == 9  # one at least in 8 bits


def test_layers_that_stay_in_float_anyway_are_in_every_trial():
    outcome = FloatLayerSearch(lambda keep: Score(1 + 0.1 * (3 - len(keep)), 1), Score(1, 1), 0.1).run(
        lambda: {"a": 1, "b": 2, "c": 3}, always=("a",)
    )
    assert all("a" in trial.keep_float for trial in outcome.trials)
    assert "a" not in [harm.layer for harm in outcome.ranking] and len(outcome.chosen.keep_float) == 2


def timed_search(seconds: float, cost: float = 0.09, layers: int = 40):
    """A search whose trials take 20 s each by its clock; each layer in 8 bits adds `cost` to an MSE of 1."""
    now, counts = [0.0], []

    def score(keep: tuple[str, ...]) -> Score:
        now[0] += 20
        counts.append(len(keep))
        return Score(1 + cost * (layers - len(keep)), 1)

    search = FloatLayerSearch(score, Score(1, 1), 0.1, seconds, clock=lambda: now[0])
    return search.run(lambda: {f"l{i}": float(i) for i in range(layers)}), now[0], counts


def test_a_search_ends_in_time_and_goes_as_far_as_it_can():
    outcome, took, counts = timed_search(180)
    assert took <= 180 and outcome.met and len(outcome.chosen.keep_float) == 39
    assert counts[:4] == [0, 1, 1, 1] and counts[-1] == 39  # half of the time for single layers
    outcome, took, _ = timed_search(180, cost=10)
    assert took <= 180 and not outcome.met and outcome.to_dict()["met"] is False
    assert outcome.in_time  # all layers but one in float are not enough: that is known


def test_a_search_without_time_keeps_its_first_trial():
    outcome, took, counts = timed_search(30)
    assert took == 20 and counts == [0] and not outcome.met and not outcome.in_time
    assert outcome.chosen.keep_float == () and timed_search(5)[2] == [0]


@pytest.mark.parametrize(
    ("sizes", "alike", "expected"),
    [
        ([(9, 6)] * 12, False, ["12 images may miss", "all images are upright"]),
        ([(6, 9)] * 40, False, ["all images are wide"]),
        ([(9, 6), (6, 9)] * 20, False, []),
        ([(9, 6), (6, 9)] * 20, True, ["much alike"]),
        ([(7, 7)], False, ["1 image may miss"]),
    ],
)
def test_poor_calibration_images_are_noticed(sizes, alike, expected):
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 200, (16, 16, 3))
    scenes = (scene + rng.integers(0, 9, scene.shape) if alike else rng.integers(0, 255, scene.shape) for _ in sizes)
    images = [np.kron(x, np.ones((h, w, 1))).astype(np.uint8) for x, (h, w) in zip(scenes, sizes, strict=True)]
    found = weaknesses([View.of(image) for image in images])
    assert len(found) == len(expected) and all(text in line for text, line in zip(expected, found, strict=True)), found


def test_labelled_images_at_hand_are_scored(synthetic_set, tmp_path):
    train = synthetic_set / "train"
    section = {"dataset_root": str(train), "img_subpath": "blurred_image"}
    config = Config.from_values(train_dataset=DatasetSpec(**section))
    validation = Validation.of(config, None)
    assert validation is not None and len(validation.pairs) == 6 and validation.dataset == str(train)
    assert len(Validation.of(config, 2).pairs) == 2
    beside = Validation.of(None, 4, str(train / "blurred_image"))
    assert beside is not None and [pair.alpha.parent.name for pair in beside.pairs] == ["mask"] * 4
    unlabelled = Config.from_values(train_dataset=DatasetSpec(str(train), name="unlabelled", img_subpath="mask"))
    assert Validation.of(unlabelled, None) is Validation.of(None, None) is None
    assert len(calibration_files(Calibration(), unlabelled)) == 6
    assert Validation.of(None, None, str(tmp_path)) is None
    (tmp_path / "image").symlink_to(train / "blurred_image")
    (tmp_path / "mask").mkdir()
    for path in (train / "mask").iterdir():
        write_alpha(tmp_path / "mask" / path.name, np.zeros((3, 3), np.float32))  # of other images
    assert Validation.of(None, None, str(tmp_path / "image")) is None


def result_of(mse: float) -> EvalResult:
    scores = dict.fromkeys(("mse", "mad", "sad", "miou"), mse)
    return EvalResult("m", "set", 1, scores, scores, [], 1.0, 1.0)


def test_a_loss_of_a_fifth_is_a_warning_that_names_the_cure(caplog):
    warn_of_loss(result_of(0.0119), result_of(0.01))
    assert not caplog.records
    for mse, text in ((0.0125, "MSE by 25%, more than 20%"), (np.nan, "MSE by nan%")):
        caplog.clear()
        warn_of_loss(result_of(mse), result_of(0.01))
        assert text in caplog.text and "--max_mse_increase 20%" in caplog.text and "--keep_float" in caplog.text


def test_missing_images_are_noticed_before_the_model_is_opened(tmp_path):
    (tmp_path / "empty").mkdir()
    checkpoint = tmp_path / "m.ckpt"
    checkpoint.write_bytes(b"")
    for folder, error, text in (
        (None, ConfigError, "needs images to calibrate with: give --calibration FOLDER"),
        (tmp_path / "absent", DataError, "Cannot list"),
        (tmp_path / "empty", DataError, "holds no image"),
    ):
        calibration = Calibration(None if folder is None else str(folder))
        job = QuantizationJob(str(checkpoint), str(tmp_path / "out"), calibration=calibration)
        with mock.patch("src.quant.session.open_source") as opened, pytest.raises(error, match=text):
            quantise(job)
        opened.assert_not_called()
        assert not (tmp_path / "out").exists()


def test_a_missing_package_is_noticed_before_the_model_is_opened(synthetic_set, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nncf", None)
    calibration = Calibration(str(synthetic_set / "train" / "blurred_image"))
    job = QuantizationJob("m.onnx", str(tmp_path / "out"), calibration=calibration)
    with mock.patch("src.quant.session.open_source") as opened, pytest.raises(DeviceError, match="pip install nncf"):
        quantise(job)
    opened.assert_not_called()


def test_calibration_images_are_chosen_by_the_seed(synthetic_set):
    folder = str(synthetic_set / "train" / "blurred_image")
    predictor = RedPredictor()

    def inputs(**choice):
        return calibration_inputs(Calibration(folder, **choice), None, predictor)

    first = inputs(size=3)
    assert [x.shape for x in first] == [(1, 3, 64, 64)] * 3
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(inputs(size=3)))
    assert not np.array_equal(first[0], inputs(size=3, seed=1)[0])
    assert len(inputs(size=100)) == 6
    predictor.form = InputForm(1, (96, 32))
    assert inputs(size=1)[0].shape == (1, 3, 96, 32)


def test_half_weights_are_the_same_numbers_in_half_the_bytes():
    weight = np.random.default_rng(0).standard_normal((64, 64))
    large = weight * 1e5
    model = model_of([weight, large])
    half = half_weights(model)
    kinds = {constant.name: constant.data_type for constant in half.graph.initializer}
    assert kinds == {"w0.half": TensorProto.FLOAT16, "w1": TensorProto.FLOAT}
    np.testing.assert_array_equal(
        numpy_helper.to_array(half.graph.initializer[0])[..., 0, 0], weight.astype(np.float32).astype(np.float16)
    )
    assert len(model.SerializeToString()) - len(half.SerializeToString()) == pytest.approx(2 * 64 * 64, abs=200)


def test_a_build_file_becomes_a_job():
    job = read_job(
        {
            "model": "m.ckpt",
            "backend": [{"type": "onnxruntime", "method": "kl"}, {"dtype": "bf16"}, {"bias_correction": False}],
            "calibration": {"folder": "photos", "size": 9},
            "input_shape": [1, 3, 480, 288],
            "config": "c.yml",
            "max_mse_increase": "10%",
        }
    )
    variants = (Variant(type="onnxruntime", method="kl"), Variant("bf16"), Variant(bias_correction="off"))
    assert job == QuantizationJob(
        "m.ckpt",
        backend=variants,
        calibration=Calibration("photos", 9),
        input_shape="1,3,480,288",
        config="c.yml",
        max_mse_increase=0.1,
    )
    assert [variant.label for variant in variants] == ["int8_kl", "fp16", "int8_off-bias"]
    assert [variant.precision for variant in variants] == ["f32", "bf16", "f32"]
    assert read_job({"model": "m.onnx", "backend": {"dtype": "fp16"}}).backend == (Variant("fp16"),)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"modell": 1}, "Unknown key `modell` in the build. Did you mean `model`?"),
        ({"backend": {"metod": "kl"}}, "Unknown key `metod` in `backend`. Did you mean `method`?"),
        ({"calibration": {"sizes": 1}}, "Did you mean `size`?"),
        ({"calibration": "photos"}, "`calibration` must hold `key: value` lines"),
        ({"calibration": {"size": 0}}, "whole number of at least 1, got 0"),
        ({"backend": {"dtype": "int4"}}, "`dtype` cannot be 'int4'"),
        ({"backend": {"type": "tensorrt"}}, "`type` cannot be 'tensorrt'"),
        ({"backend": {"type": "onnxruntime", "method": "entropy"}}, "`method` cannot be 'entropy'"),
        ({"backend": {"type": "openvino", "method": "kl"}}, "`method` is a choice of onnxruntime's int8"),
        ({"backend": {"type": "onnxruntime", "preset": "mixed"}}, "`preset` is a choice of openvino's int8"),
        ({"backend": {"dtype": "fp16", "bias_correction": "full"}}, "not of openvino's fp16"),
        ({"backend": {"type": "onnxruntime", "dtype": "bf16"}}, "does not compute in bf16"),
        ({"backend": [{"dtype": "fp16"}, {"dtype": "fp16"}]}, "each `backend` once"),
        ({"backend": []}, "empty list"),
        ({"model": "m.xml"}, "starts from an ONNX file of export.py or from a checkpoint, got 'm.xml'"),
        ({"input_shape": "1,3,64,64"}, "`input_shape` is for a checkpoint"),
        ({"max_mse_increase": 0.1}, "needs images to score: give --config"),
        ({"max_mse_increase": "ten", "config": "c"}, "expected a share such as 10%"),
        ({"max_minutes": 0}, "`max_minutes` must be a number above 0, got 0"),
        ({"backend": {"equalise": "no"}}, "`equalise` is True or False, got 'no'"),
        ({"validation_size": 0}, "`validation_size` must be a whole number"),
    ],
)
def test_build_files_that_cannot_be(change, text):
    with pytest.raises(ConfigError) as caught:
        read_job({"model": "m.onnx"} | change)
    assert text in str(caught.value)


def test_a_backend_of_one_s_own(monkeypatch):
    known_backends()  # the project's own are registered
    monkeypatch.setattr(registry, "_BACKENDS", dict(registry._BACKENDS))

    @register_backend("toy", ".toy", method=Choice(("round",), "round"))
    def make_toy(*_: object) -> None: ...

    variant = Variant(type="toy", method="round")
    assert (variant.label, variant.backend.suffix, variant.backend.int8) == ("int8_round", ".toy", make_toy)
    with pytest.raises(ConfigError, match="toy does not compute in bf16 on a CPU; take `openvino` for bf16"):
        Variant("bf16", "toy")
    with pytest.raises(ConfigError, match="`method` cannot be 'kl'"):
        Variant(type="toy", method="kl")
    with pytest.raises(ConfigError, match="`preset` is a choice of openvino's int8, not of toy's int8"):
        Variant(type="toy", preset="mixed")
    parser = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
    add_arguments(parser)
    job = from_args(parser.parse_args(["--model", "m.onnx", "--backend", "toy", "--method", "round", "--seed", "3"]))
    assert job.backend == (variant,) and job.calibration == Calibration(seed=3)


def test_the_form_without_equalising_has_a_name_of_its_own():
    parser = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
    add_arguments(parser)
    job = from_args(parser.parse_args(["--model", "m.onnx", "--no_equalise", "--max_minutes", "0.5"]))
    assert job.backend == (Variant(equalise=False),) and job.max_minutes == 0.5
    assert job.backend[0].label == "int8_unequalised" and Variant().equalise
