"""One network in every runtime: the same pixels in, the same matte out; and what each says of a file it cannot use."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from src.checkpoint.file import file_source
from src.common.errors import CheckpointError, ConfigError, DeviceError, ModelError
from src.deploy.export import export
from src.deploy.options import ExportOptions
from src.imaging import to_input
from src.model_file import releases
from src.model_file.contract import Contract, read_contract
from src.models import maps
from src.runtime.base import InputForm
from src.runtime.factory import open_predictor
from src.runtime.onnx_runtime import OnnxPredictor
from src.runtime.openvino_runtime import OpenVinoPredictor, openvino_core
from src.runtime.options import join_precision, split_precision
from src.spec.preprocess import Preprocess
from src.spec.serialisation import spec_from_json, spec_to_json
from tests.support.narrow import narrow_spec, save_narrow

GIVEN = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "ref_size": 64, "multiple": 32, "color": "RGB"}


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("kind", [".onnx", ".xml", "u8"])
def test_every_runtime_gives_the_checkpoint_s_matte(narrow_models, kind):
    reference, expected = open_predictor(narrow_models[".ckpt"])
    predictor, contract = open_predictor(narrow_models[kind], threads=1)
    assert contract == expected
    for size in ((40, 51), (90, 70), (40, 51)):  # the last one again: from what was kept
        image = noise(*size)
        matte = predictor.predict(image)
        assert matte.shape == size and matte.dtype == np.float32
        np.testing.assert_allclose(matte, reference.predict(image), atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [".onnx", ".xml", ".mindir"])
def test_every_runtime_takes_batches(narrow_models, kind):
    reference, expected = open_predictor(narrow_models[".ckpt"])
    predictor, contract = open_predictor(narrow_models[kind])
    assert contract == expected and predictor.form.batch is None
    x = np.concatenate([to_input(noise(64, 96 + i), Preprocess(), (64, 96)) for i in range(3)])
    np.testing.assert_allclose(predictor.run(x), reference.run(x), atol=2e-5)


def test_mindir_leaves_the_operators_of_later_networks_alone(narrow_models):
    before = maps.native_layout()
    open_predictor(narrow_models[".mindir"])
    assert maps.native_layout() == before


def test_the_contract_of_a_checkpoint(narrow_models):
    contract = open_predictor(narrow_models[".ckpt"])[1]
    assert (contract.network, contract.preprocess.ref_size, contract.scores) == ("modnet", 64, {})
    assert contract.source == file_source(narrow_models[".ckpt"]) and len(contract.source["sha256"]) == 64
    assert spec_from_json(contract.spec) == narrow_spec()


def test_results_of_a_run_stay_when_the_next_one_comes(narrow_models):
    predictor = open_predictor(narrow_models[".xml"])[0]
    first = predictor.run(np.zeros((1, 3, 32, 32), np.float32))
    before = first.copy()
    predictor.run(np.ones((1, 3, 32, 32), np.float32))
    np.testing.assert_array_equal(first, before)


def test_bf16_is_near_f32_and_not_it(narrow_models):
    able = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if "BF16" not in able:
        with pytest.raises(DeviceError, match="does not compute in bf16"):
            open_predictor(narrow_models[".xml"], precision="bf16")
        return
    image = noise(64, 64)
    exact, rounded = (open_predictor(narrow_models[".xml"], precision=p)[0].predict(image) for p in (None, "bf16"))
    assert 1e-5 < np.abs(exact - rounded).max() < 0.1


def test_precisions_as_text():
    assert split_precision("a/m.xml@bf16") == ("a/m.xml", "bf16")
    assert split_precision("modnet-p@f32", "bf16") == ("modnet-p", "f32")
    for path in ("m.xml", "a@b/m.xml", "a@bf16/m.xml", "m@2.xml", "a@b\\m.xml", "@bf16"):
        assert split_precision(path) == (path, "f32") and split_precision(path, "f16") == (path, "f16")
    for wrong in ("int8", "BF16", ""):
        with pytest.raises(ConfigError, match=f"must be one of f32, bf16, f16, got '{wrong}'. Write m@bf16"):
            split_precision(f"m@{wrong}")
    for model, precision, text in (("m.xml", "bf16", "m.xml@bf16"), ("m.xml", "f32", "m.xml")):
        assert join_precision(model, precision) == text and split_precision(text) == (model, precision)


@pytest.mark.slow
def test_a_fixed_size_is_what_images_are_made_to(narrow_ckpt, tmp_path):
    path = export(narrow_ckpt, "ONNX", tmp_path, ExportOptions((1, 3, 96, 64)))[0][0]
    predictor = open_predictor(path)[0]
    assert predictor.form == InputForm(1, (96, 64))
    image = noise(50, 70)
    assert predictor.prepare(image).shape == (1, 3, 96, 64)
    assert predictor.predict(image).shape == (50, 70)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [".ckpt", ".onnx"])
def test_another_input_size_than_the_model_s_own(narrow_models, kind):
    model, image = narrow_models[kind], noise(256, 320)
    for ref_size, size in ((None, (64, 96)), (64, (64, 96)), (128, (128, 160)), ((96, 32), (96, 32))):
        predictor, contract = open_predictor(model, preprocess={} if ref_size is None else {"ref_size": ref_size})
        np.testing.assert_array_equal(predictor.prepare(image), to_input(image, Preprocess(), size))
        assert contract.preprocess.ref_size == 64
    for ref_size, text in ((8, "8"), ((64, 8), "64x8"), ((100, 64), "100x64")):
        with pytest.raises(ModelError, match=f"--ref_size is {text}; .* at least 32 pixels or .* multiples of 32"):
            open_predictor(model, preprocess={"ref_size": ref_size})


def test_which_side_is_the_file_s_word_unless_another_is_asked_for(tmp_path):
    """Every runtime prepares inputs alike; a file of an earlier version means the shorter side."""
    image = noise(256, 320)
    path = save_narrow(tmp_path / "n.ckpt", preprocess=Preprocess(ref_size=96, ref_side="longer"))
    assert open_predictor(path)[0].prepare(image).shape == (1, 3, 64, 96)  # 76.8 -> 64 (2.4 multiples)
    shorter = open_predictor(path, preprocess={"ref_side": "shorter"})[0]
    assert shorter.prepare(image).shape == (1, 3, 96, 128) and shorter.preprocess.ref_size == 96
    assert open_predictor(path, preprocess={"ref_size": 64})[0].prepare(image).shape == (1, 3, 64, 64)
    exported = export(path, "ONNX", tmp_path, ExportOptions())[0][0]
    assert open_predictor(exported)[0].prepare(image).shape == (1, 3, 64, 96)
    with pytest.raises(ConfigError, match=r"--ref_side longer .* gets inputs of 96x64"):
        open_predictor(path, preprocess={"ref_size": (96, 64), "ref_side": "longer"})


@pytest.mark.slow
def test_a_model_of_one_size_takes_no_other(narrow_ckpt, tmp_path):
    path = export(narrow_ckpt, "ONNX", tmp_path, ExportOptions((1, 3, 96, 64)))[0][0]
    for ref_size in (512, (96, 64)):  # what it says itself, and what it takes
        assert open_predictor(path, preprocess={"ref_size": ref_size})[0].prepare(noise(50, 70)).shape[2:] == (96, 64)
    for ref_size, text in ((128, "128"), ((64, 96), "64x96")):
        with pytest.raises(ModelError, match=rf"takes only inputs of 96x64 \(height x width\), not {text}: leave"):
            open_predictor(path, preprocess={"ref_size": ref_size})


def test_a_network_of_one_size_for_all_images_keeps_its_way_of_resampling(tmp_path):
    path = save_narrow(tmp_path / "n.ckpt", preprocess=Preprocess(ref_size=(64, 64)))
    predictor, image = open_predictor(path, preprocess={"ref_size": (96, 64)})[0], noise(50, 90)
    np.testing.assert_array_equal(predictor.prepare(image), to_input(image, Preprocess(ref_size=(96, 64))))
    assert open_predictor(path, preprocess={"ref_size": 32})[0].prepare(image).shape == (1, 3, 32, 64)


def test_forms_of_input():
    assert InputForm.read([None, 3, None, None], "float32", "m") == InputForm()
    assert InputForm.read([2, 3, 64, None], "float32", "m") == InputForm(2, None)
    assert InputForm.read([1, 64, 96, 3], "uint8", "m") == InputForm(1, (64, 96), pixels=True)
    assert InputForm.read([None, None, None, 3], "float32", "m") == InputForm(channels_last=True)
    assert InputForm.read([1, 64, 96, 3], "float32", "m") == InputForm(1, (64, 96), channels_last=True)
    assert InputForm.read([1, 3, 64, 3], "float32", "m") == InputForm(1, (64, 3))
    for shape, dtype in (([1, 4, 64, 64], "float32"), ([1, 3, 64, 64], "uint8"), ([None, 3], "float32")):
        with pytest.raises(ModelError, match=rf"The input of m is {dtype} \[.*uint8 \[N, H, W, 3\]"):
            InputForm.read(shape, dtype, "m")


def test_a_model_without_contract_needs_all_options(narrow_models, tmp_path):
    import onnx

    model = onnx.load(narrow_models[".onnx"])
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(ModelError, match="missing: --mean, --std, --ref_size, --multiple, --color"):
        open_predictor(tmp_path / "foreign.onnx")
    with pytest.raises(ModelError, match="missing: --multiple, --color"):
        open_predictor(tmp_path / "foreign.onnx", preprocess={k: GIVEN[k] for k in ("mean", "std", "ref_size")})
    for wrong in ({"std": (1, 0, 1)}, {"multiple": 0}):
        with pytest.raises(ModelError, match="cannot be used"):
            open_predictor(tmp_path / "foreign.onnx", preprocess=GIVEN | wrong)
    predictor, contract = open_predictor(tmp_path / "foreign.onnx", preprocess=GIVEN)
    assert contract == Contract(Preprocess(ref_size=64))
    assert predictor.prepare(noise(640, 960)).shape == (1, 3, 64, 96)
    # A file that knows better is not overruled.
    assert open_predictor(narrow_models[".onnx"], preprocess=GIVEN | {"color": "BGR"})[0].preprocess.color == "RGB"


def test_contracts_come_back_and_strange_ones_do_not(tmp_path):
    spec = spec_to_json(narrow_spec())
    contract = Contract(Preprocess((0.1, 0.2, 0.3), ref_size=(256, 192)), "mmnet", spec, {"file": "a"}, {"mse": 0.01})
    assert read_contract(contract.to_json(), tmp_path) == contract
    values = json.loads(contract.to_json())
    del values["preprocess"]["ref_side"]  # a file of an earlier version
    assert read_contract(json.dumps(values), tmp_path) == contract
    for change, text in (
        ({"version": 2}, "version 2, this program reads version 1"),
        ({"preprocess": {"mean": [0, 0, 0]}}, "cannot be read .*std"),
        ({"preprocess": values["preprocess"] | {"color": "HSV"}}, "cannot be read"),
        ({"extra": 1}, "cannot be read .*extra"),
        ({"preprocess": values["preprocess"] | {"std": [1, float("nan"), 1]}}, "cannot be read.*`std` .* got nan"),
        ({"preprocess": values["preprocess"] | {"ref_size": [32768, 32768]}}, "cannot be read.* got 32768"),
        ({"quantization": 5}, "cannot be read.*`quantization` must be an object"),
        ({"scores": {"mse": None}}, "cannot be read.*score `mse` must be a number"),
        ({"spec": {}}, "cannot be read.*`spec` must be a text"),
    ):
        with pytest.raises(ModelError, match=text):
            read_contract(json.dumps(values | change), tmp_path)
    for text in ("{", "[" * 100_000):
        with pytest.raises(ModelError, match="cannot be read"):
            read_contract(text, tmp_path)


def test_damaged_and_missing_files(narrow_models, tmp_path):
    for suffix in (".onnx", ".xml", ".mindir"):
        damaged = tmp_path / f"cut{suffix}"
        damaged.write_bytes(narrow_models[suffix].read_bytes()[:3000])
        with pytest.raises(ModelError, match=f"cut{suffix} cannot be opened"):
            open_predictor(damaged)
        with pytest.raises(ModelError, match=f"absent{suffix} cannot be opened .*missing"):
            open_predictor(tmp_path / f"absent{suffix}")
    shutil.copy(narrow_models[".xml"], tmp_path / "alone.xml")
    with pytest.raises(ModelError, match=r"without its \.bin file"):
        open_predictor(tmp_path / "alone.xml")
    with pytest.raises(CheckpointError, match="No checkpoint at"):
        open_predictor(tmp_path / "absent.ckpt")
    with pytest.raises(ModelError, match=r"known are \.ckpt, \.mindir, \.onnx, \.xml"):
        open_predictor(tmp_path / "model.tflite")


def test_devices_that_are_not_here(narrow_models):
    for suffix, runtime in ((".onnx", "onnxruntime"), (".xml", "OpenVINO")):
        with pytest.raises(DeviceError, match=f"{runtime} has no device TPU here; it has CPU"):
            open_predictor(narrow_models[suffix], device="TPU")
        with pytest.raises(DeviceError, match=r"Neural Compute Stick .* it has CPU"):
            open_predictor(narrow_models[suffix], device="MYRIAD")


def test_an_onnx_file_in_another_precision_is_openvinos(narrow_models):
    image = noise(64, 64)
    if "BF16" not in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(DeviceError, match="does not compute in bf16"):
            open_predictor(narrow_models[".onnx"], precision="bf16")
        return
    (predictor, contract), (expected, _) = (
        open_predictor(narrow_models[s], precision="bf16") for s in (".onnx", ".xml")
    )
    assert isinstance(predictor, OpenVinoPredictor)
    assert contract == open_predictor(narrow_models[".onnx"])[1]
    np.testing.assert_allclose(predictor.predict(image), expected.predict(image), atol=1e-2)


def test_a_released_name_is_opened_by_openvino_where_that_is(narrow_models, tmp_path, monkeypatch):
    """An .onnx file by its path or file name is onnxruntime's, as always."""
    file = Path(shutil.copy(narrow_models[".onnx"], tmp_path / "narrow.onnx"))
    monkeypatch.setattr(releases, "FOLDER", tmp_path)
    releases.write_releases([releases.ReleasedModel("narrow", "", (releases.ReleasedFile.of(file),))])
    named, contract = open_predictor("narrow")
    assert isinstance(named, OpenVinoPredictor)
    for path in (file, "narrow.onnx"):
        direct, same = open_predictor(path)
        assert isinstance(direct, OnnxPredictor) and same == contract
    image = noise(64, 64)
    np.testing.assert_allclose(named.predict(image), direct.predict(image), atol=1e-4)
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert isinstance(open_predictor("narrow")[0], OnnxPredictor)


def test_options_are_checked(narrow_models):
    with pytest.raises(ConfigError, match="`threads` must be at least 1, got 0"):
        open_predictor(narrow_models[".onnx"], threads=0)
    with pytest.raises(ConfigError, match="`precision` must be one of f32, bf16, f16, got 'int8'"):
        open_predictor(narrow_models[".xml"], precision="int8")
    for ref_size in (0, 8193, 100000, (64, 64, 64), (64, 9000)):
        with pytest.raises(ConfigError, match="in pixels from 1 to 8192, got"):
            open_predictor(narrow_models[".onnx"], preprocess={"ref_size": ref_size})
