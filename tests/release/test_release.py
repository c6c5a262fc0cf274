"""From trained checkpoints to released files: float16 storage, the index, scores, and the table in documents."""

from dataclasses import replace
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest

from src.bench.results import Benchmark, Measurement
from src.checkpoint.file import Meta, read_checkpoint, save_checkpoint
from src.common.errors import CheckpointError, ConfigError, OutputError
from src.model_file import releases
from src.model_file.releases import ReleasedFile, ReleasedModel, read_releases
from src.programs import release as program
from src.quant.options import Variant
from src.release import run
from src.release.options import Recipe, Request
from src.release.products import Deployed, Product, release_checkpoint
from src.release.run import make_release
from src.release.table import BEGIN, END, HEAD, circumstances, put_between_markers, table_rows
from src.runtime.factory import open_predictor
from src.runtime.openvino_runtime import openvino_core
from tests.support.narrow import narrow_spec, narrow_state, save_narrow
from tests.support.programs import run_main

META = Meta("modnet", "mobilenetv2", narrow_spec())
TINY = Product(
    "tiny",
    "a narrow network",
    1,
    (
        Deployed("tiny", "in onnxruntime", Variant("fp16", "onnxruntime"), 1),
        Deployed("tiny-ir", "in OpenVINO", Variant("fp16", "openvino"), 1),
    ),
)


def test_float16_weights_come_back_as_float32(tmp_path):
    full, half = save_narrow(tmp_path / "full.ckpt"), tmp_path / "half.ckpt"
    weights = read_checkpoint(full).weights
    save_checkpoint(half, weights, META, half=True)
    read = read_checkpoint(half).weights
    assert list(read) == list(weights)
    for name, value in narrow_state().items():
        loaded = read[name].asnumpy()
        assert loaded.dtype == np.float32
        if value.ndim < 2:
            np.testing.assert_array_equal(loaded, value)
        else:  # 11 bits, and subnormal steps of 2^-24
            assert (np.abs(loaded - value) <= np.maximum(np.abs(value) * 2.0**-11, 2.0**-25)).all()
            np.testing.assert_array_equal(loaded, value.astype(np.float16).astype(np.float32))
    matrices = sum(value.size for value in narrow_state().values() if value.ndim > 1)
    assert full.stat().st_size - half.stat().st_size == pytest.approx(2 * matrices, abs=600)


def test_weights_beyond_float16(tmp_path):
    weights = {"net.weight": ms.Tensor(np.array([[1.0, -70000.0]], np.float32))}
    with pytest.raises(CheckpointError, match=r"net\.weight holds 70000; float16 ends at 65504"):
        save_checkpoint(tmp_path / "x.ckpt", weights, META, half=True)
    assert not (tmp_path / "x.ckpt").exists()


def test_a_released_checkpoint_keeps_what_matters(tmp_path):
    trained = save_narrow(tmp_path / "t.ckpt", epoch=7, train={"best": 1.0}, scores={"mse": 0.1})
    release_checkpoint(trained, tmp_path / "r.ckpt", ref_size=288, ref_side="longer")
    meta = read_checkpoint(tmp_path / "r.ckpt").meta
    assert (meta.preprocess.ref_size, meta.epoch, meta.train, meta.scores) == (288, 7, {}, {"mse": 0.1})
    assert meta.source == {"file": "t.ckpt", "sha256": ReleasedFile.of(trained).sha256}
    assert meta.spec == narrow_spec()


@pytest.fixture
def tiny(monkeypatch) -> None:
    monkeypatch.setattr(run, "PRODUCTS", {"dense": TINY})
    monkeypatch.setattr("src.deploy.parity._SIZES", ((1, 64, 64),))


@pytest.mark.slow
def test_a_release(tiny, tiny_config, tmp_path):
    trained = save_narrow(tmp_path / "t.ckpt")
    document = tmp_path / "README.md"
    document.write_text(f"# Card\n{BEGIN}\nold\n{END}\nend\n")
    places = ("--output", tmp_path / "zoo", "--work", tmp_path / "work", "--documents", document)
    new = ("--config", tiny_config, "--dense", trained, "--ref_size", 64, *places)
    done = run_main(program.main, *new)
    assert done.status == 0, done.err
    files = ["releases.json", "tiny-ir.bin", "tiny-ir.xml", "tiny.ckpt", "tiny.onnx"]
    assert sorted(p.name for p in (tmp_path / "zoo").iterdir()) == files
    models = read_releases(tmp_path / "zoo")
    assert [m.file for m in models] == ["tiny.ckpt", "tiny.onnx", "tiny-ir.xml"]
    for model in models:
        assert all(ReleasedFile.of(tmp_path / "zoo" / file.name) == file for file in model.files)
        assert (model.dataset, model.pictures, model.macs) == (Path(models[0].dataset).name, 2, models[0].macs)
        assert model.scores == pytest.approx(models[0].scores, rel=5e-3)  # one pixel of the IoU is 2e-3
        assert open_predictor(tmp_path / "zoo" / model.file)[0].preprocess.ref_size == 64
        assert (tmp_path / "work" / "scores" / model.file / "v00001.png").exists()
    able = "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert [m.file for m in models if m.bf16_scores] == ["tiny.onnx", "tiny-ir.xml"] * able
    if able:
        assert models[2].bf16_scores == pytest.approx(models[2].scores, rel=0.05)
        assert models[2].bf16_scores["mse"] != models[2].scores["mse"]
        assert (tmp_path / "work" / "scores" / "tiny-ir.xml@bf16" / "v00001.png").exists()
    text = document.read_text()
    assert text.startswith(f"# Card\n{BEGIN}\n\n| name") and text.endswith(f"\n\n{END}\nend\n")
    assert "`tiny-ir.xml`" in text and "old" not in text
    assert "Add --overwrite" in run_main(program.main, *new).assert_refused()
    done = run_main(program.main, "--config", tiny_config, *places)  # measures once more
    assert done.status == 0, done.err
    again = read_releases(tmp_path / "zoo")
    assert [m.files for m in again] == [m.files for m in models]
    assert [m.scores for m in again] == [pytest.approx(m.scores, rel=1e-5) for m in models]
    assert (tmp_path / "work-2" / "scores" / "tiny.onnx" / "eval.json").exists()


def test_nothing_to_release(tmp_path):
    with pytest.raises(ConfigError, match=r"has no releases\.json yet"):
        make_release(Request({}, tmp_path, tmp_path / "work", Recipe(tmp_path / "c.yml")))
    with pytest.raises(ConfigError, match="needs --config"):
        Request({"dense": tmp_path / "a.ckpt"}, tmp_path, tmp_path / "work")


def measurement(model: str, milliseconds: float | None, precision: str = "f32") -> Measurement:
    stages = None if milliseconds is None else {"inference": {"p50": milliseconds}}
    return Measurement(model, precision, 2, stages, None, None, 0.1, None, 1.0, 100.0, 1.0, None, None)


def model(name: str, file: str, **fields) -> ReleasedModel:
    return ReleasedModel(name, "", (ReleasedFile(file, 1_234_567, "ab"),), **fields)


def test_times_come_from_the_benchmark(tmp_path):
    write = [model("a", "a.onnx"), model("b", "b.xml")]
    run.write_releases(write, tmp_path)
    rows = [
        measurement("x/b.xml", 5.0, "bf16"),
        *(measurement("x/a.onnx", milliseconds) for milliseconds in (None, 12.34, 99.0)),
        measurement("x/c.xml", 1.0),
    ]
    Benchmark({"cpu": "CPU X", "cores": 2}, {"shape": [512, 512]}, rows).save(tmp_path / "bench.json")
    first, second = make_release(Request({}, tmp_path, tmp_path / "work", benchmark=tmp_path / "bench.json"))
    assert (first.latency["milliseconds"], first.latency["threads"], second.latency) == (12.34, 2, None)
    assert (first.bf16_latency, second.bf16_latency["milliseconds"]) == (None, 5.0)
    assert read_releases(tmp_path) == [first, second]
    text = "512x512, f32, 2 threads, CPU X, onnxruntime; 512x512, bf16, 2 threads, CPU X, openvino."
    assert text in circumstances([first, second])
    rows = table_rows([first, second])
    assert [(row[0], row[-1]) for row in rows] == [("`a`", "12.3"), ("`b`", "-"), ("`b@bf16`", "5.0")]


def test_a_name_is_timed_in_openvino_and_a_file_in_its_own_runtime(tmp_path, monkeypatch):
    monkeypatch.setattr(releases, "FOLDER", tmp_path)
    (tmp_path / "a.onnx").touch()
    run.write_releases([model("a", "a.onnx", latency={"milliseconds": 9.0})], tmp_path)
    rows = [measurement("a.onnx", 8.0), measurement("a", 4.0), measurement("a", 2.0, "bf16")]
    Benchmark({"cpu": "CPU X", "cores": 2}, {"shape": [64, 64]}, rows).save(tmp_path / "bench.json")
    (found,) = make_release(Request({}, tmp_path, tmp_path / "work", benchmark=tmp_path / "bench.json"))
    latencies = (found.latency, found.openvino_latency, found.bf16_latency)
    assert [(one["milliseconds"], one["runtime"]) for one in latencies] == [
        (8.0, "onnxruntime"),
        (4.0, "openvino"),
        (2.0, "openvino"),
    ]
    assert [(row[0], row[-1]) for row in table_rows([found])] == [
        ("`a`", "8.0"),
        ("`a`, OpenVINO", "4.0"),
        ("`a@bf16`", "2.0"),
    ]
    assert "64x64, f32, 2 threads, CPU X, openvino" in circumstances([found])


def test_table_by_hand():
    scores = {"mse": 0.00412, "mad": 0.01049, "iou": 0.97126}
    known = model(
        "net", "net.onnx", parameters=7634211, macs=15_913_000_000, scores=scores, dataset="CCP", pictures=107
    )
    rows = table_rows([known, model("new", "new.xml")])
    assert rows[0] == ["`net`", "`net.onnx`", "7,634,211", "15.91", "1.23", "0.0041", "0.0105", "0.9713", "-"]
    assert rows[1] == ["`new`", "`new.xml`", "-", "-", "1.23", "-", "-", "-", "-"]
    assert len(HEAD) == len(rows[0])
    rounded = replace(known, bf16_scores=scores | {"mse": 0.0052}, bf16_latency={"milliseconds": 7.0})
    assert table_rows([rounded]) == [
        rows[0],
        ["`net@bf16`", "`net.onnx`", *rows[0][2:5], "0.0052", "0.0105", "0.9713", "7.0"],
    ]
    assert "validation part of CCP (107 images)" in circumstances([known])


def test_only_what_stands_between_the_markers_changes(tmp_path):
    path = tmp_path / "a.md"
    path.write_text(f"before\n\n{BEGIN}\nanything\n{END}\n\nafter\n")
    assert put_between_markers(path, "new\n")
    assert path.read_text() == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert put_between_markers(path, "new") and path.read_text().count("new") == 1
    path.write_text("no marker\n")
    assert not put_between_markers(path, "new") and path.read_text() == "no marker\n"


@pytest.mark.parametrize("text", [BEGIN, END, f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}", f"{BEGIN} {END} {END}"])
def test_markers_that_are_no_pair(tmp_path, text):
    path = tmp_path / "a.md"
    path.write_text(text)
    with pytest.raises(OutputError, match="Fix the markers"):
        put_between_markers(path, "new")
    assert path.read_text() == text


def test_a_document_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match=r"Cannot read .*missing\.md"):
        put_between_markers(tmp_path / "missing.md", "new")
