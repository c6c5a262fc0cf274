"""benchmark.py: what it counts, how models take turns, its table, its gate; nothing here depends on a clock."""

import argparse
import dataclasses
import json
import os
import signal
import sys

import numpy as np
import pytest

from src.bench.cases import Case, MeasurementPlan
from src.bench.costs import network_costs
from src.bench.figure import draw
from src.bench.measure import Worker, file_bytes, measure
from src.bench.options import add_arguments, parse_threads, read_plan
from src.bench.results import HEAD, Benchmark, Measurement, check_comparable, compare, percentiles, table_rows
from src.bench.run import gate
from src.bench.session import Session, peak_mib
from src.bench.stream import open_stream
from src.bench.turns import in_turns
from src.common.errors import ConfigError, DeviceError, ModelError
from src.common.processes import WorkerError
from src.common.sizes import parse_size
from src.deploy.export import export
from src.deploy.options import ExportOptions
from src.models.costs import count
from src.programs import benchmark as program
from src.runtime.factory import open_predictor
from src.spec.serialisation import spec_to_json
from tests.support.narrow import narrow_network, narrow_spec
from tests.support.programs import run_main

SMALL = ("--shape", "64x96", "--rounds", 2, "--turn", 2, "--warm_up", 1)


def row(model: str = "a.xml", inference: float | None = 20.0, rate: float | None = 50.0, **changes) -> Measurement:
    stages = {"pre": 2.0, "inference": inference, "post": 1.0, "whole": 23.0}
    milliseconds = inference and {name: {"p50": ms, "p90": 2 * ms, "p99": 3 * ms} for name, ms in stages.items()}
    values = Measurement(model, "f32", 2, milliseconds, rate, 4, 0.5, None, 31.0, 210.4, 2.5, 1_234_000_000, 1000)
    return dataclasses.replace(values, **changes)


def benchmark(*rows: Measurement, cores: int = 2, **settings) -> Benchmark:
    sizes = {"device": "CPU", "shape": [512, 512], "source": [512, 512]}
    return Benchmark({"cpu": "Chip", "cores": cores, "load": 0.1}, sizes | settings, list(rows))


def test_percentiles_by_hand():
    assert percentiles([4.0, 1.0, 3.0, 2.0, 5.0]) == pytest.approx({"p50": 3.0, "p90": 4.6, "p99": 4.96})
    assert percentiles([7.0]) == {"p50": 7.0, "p90": 7.0, "p99": 7.0}


def test_models_take_turns():
    assert "".join(in_turns("ABC", 4)) == "ABCBCACABABC"
    assert list(in_turns(["one"], 2)) == ["one", "one"]


def test_options_as_text():
    assert parse_size("480x288") == (480, 288) and parse_threads("4,1,4") == [4, 1]
    for text in ("512", "0x32", "32x", "ax3"):
        with pytest.raises(ConfigError, match=f"A size is HEIGHTxWIDTH such as 512x512, got '{text}'"):
            parse_size(text)
    for text in ("0", "1,", "a", "-1"):
        with pytest.raises(argparse.ArgumentTypeError, match="expected"):
            parse_threads(text)


def test_a_loop_is_short_for_one_round_of_latency():
    def plan(*arguments: str) -> MeasurementPlan:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        return read_plan(parser.parse_args(["--models", "a", *arguments]))

    assert plan() == MeasurementPlan(("latency", "throughput"), rounds=10, turn=10, warm_up=5)
    assert plan("--mode", "throughput", "--rounds", "2", "--turn", "3") == MeasurementPlan(
        ("throughput",), rounds=2, turn=3
    )
    assert plan("--loop", "100", "--warm_up", "1") == MeasurementPlan(("latency",), rounds=1, turn=100, warm_up=1)
    with pytest.raises(ConfigError, match=r"--loop N is .*: leave --mode, --turn out"):
        plan("--loop", "100", "--turn", "10", "--mode", "both")
    for arguments, numbers in ((("--loop", "0"), "1, 0 and 5"), (("--rounds", "0"), "0, 10 and 5")):
        with pytest.raises(ConfigError, match=rf"--turn \(or --loop\) of 1 or more .* got {numbers}"):
            plan(*arguments)


def test_table_by_hand():
    result = benchmark(
        row(),
        row("d/b.xml", 5.0, precision="bf16", compile_s=0.25, macs=None),
        row("c.xml", None, threads=None),
        row("a.xml", 40.0, threads=1),
    )
    assert [result.speedup(r) for r in result.models] == [1.0, 4.0, None, 1.0]  # against the first on as many threads
    rows = table_rows(result)
    assert all(len(cells) == len(HEAD) for cells in rows)
    assert rows[1] == ["d/b.xml@bf16", "2", "2.0", "5.0", "10.0", "15.0", "1.0", "23.0", "4.00", "50.0", "0.50", "0.25",
                       "31.0", "210", "2.50", "-"]  # fmt: skip
    assert rows[2][:10] == ["c.xml", "auto", *["-"] * 7, "50.0"] and rows[0][-1] == "1.234"


def test_slowdowns_by_hand():
    old = benchmark(row(), row("b.xml", 10.0, None), row("gone.xml"))
    new = benchmark(row(inference=23.0, rate=40.0), row("b.xml", 9.0, 7.0), row("new.xml"), row(threads=1))
    first, second = compare(new, old)
    assert (first.inference, first.throughput) == (pytest.approx(0.15), pytest.approx(0.25))
    assert first.worst == pytest.approx(0.25)
    assert (second.row.model, second.throughput, second.worst) == ("b.xml", None, pytest.approx(-0.1))
    assert str(second) == "b.xml, 2 threads: time against the earlier result: inference -10.0%"
    for other in (benchmark(row("other.xml")), benchmark(row(inference=None, rate=None))):
        with pytest.raises(ConfigError, match="none of these models"):
            compare(new, other)


def test_results_of_other_machines_and_sizes_are_not_compared():
    new = benchmark(row())
    check_comparable(new.machine, new.settings, benchmark(row()))
    for old in (benchmark(row(), cores=4), benchmark(row(), device="GPU"), benchmark(row(), shape=[480, 288])):
        with pytest.raises(ConfigError, match=r"The earlier result is of .* measure both alike"):
            check_comparable(new.machine, new.settings, old)


def test_the_gate():
    old = benchmark(row(), row("b.xml"))
    new = benchmark(row(inference=21.0), row("b.xml", rate=25.0))  # 5 % and 100 % slower
    assert [gate(new, old, most) for most in (None, 0.99, 1.01)] == [0, 1, 0]


def test_results_come_back(tmp_path):
    result = benchmark(row(), row("b.xml", None, None, threads=None))
    result.save(tmp_path / "r.json")
    assert Benchmark.load(tmp_path / "r.json") == result
    for text in ("{", "[]", '{"machine": {}, "settings": {}, "models": [{"model": "a"}]}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ConfigError, match=r"bad\.json is not an earlier result"):
            Benchmark.load(tmp_path / "bad.json")


def test_an_image_of_what_was_and_was_not_measured(tmp_path):
    draw(benchmark(row(), row("b.xml", None), row("c.xml", rate=None)), tmp_path / "b.svg")
    text = (tmp_path / "b.svg").read_text()
    assert text.rstrip().endswith("</svg>") and [p.name for p in tmp_path.iterdir()] == ["b.svg"]


def test_files_are_counted_with_their_weights(tmp_path):
    for name, size in (("m.xml", 10), ("m.bin", 200), ("m.onnx", 30), ("m.onnx.data", 4000), ("m.ckpt", 50_000)):
        (tmp_path / name).write_bytes(bytes(size))
    assert [file_bytes(tmp_path / name) for name in ("m.xml", "m.onnx", "m.ckpt")] == [210, 4030, 50_000]


def test_macs_are_those_of_the_network():
    counted = count(narrow_network(), 64, 96)
    assert network_costs(spec_to_json(narrow_spec()), (64, 96)) == (counted.macs, counted.parameters)


def test_without_mindspore_there_are_no_macs(monkeypatch):
    monkeypatch.setitem(sys.modules, "src.models.costs", None)  # as its import of MindSpore would fail
    assert network_costs(spec_to_json(narrow_spec()), (64, 96)) == (None, None)


@pytest.mark.parametrize("kind", [".ckpt", ".onnx", ".xml", "u8"])
def test_sessions_make_the_shape_that_was_asked_for(narrow_models, kind):
    session = Session(Case(str(narrow_models[kind]), shape=(96, 64), source=(50, 70)))
    assert session.x.shape == ((1, 96, 64, 3) if kind == "u8" else (1, 3, 96, 64))
    assert session.image.shape == (50, 70, 3)
    assert (session.facts["compile_s"] is None) == (kind in (".ckpt", ".onnx"))
    times = session.latency(3)
    assert list(times) == ["pre", "inference", "post"] and all(len(values) == 3 for values in times.values())
    assert all(value > 0 for values in times.values() for value in values)


@pytest.mark.parametrize("kind", [".ckpt", ".onnx", ".xml"])
def test_streams_compute_every_image(narrow_models, kind):
    predictor = open_predictor(narrow_models[kind], threads=2)[0]
    x = np.zeros((1, 3, 64, 64), np.float32)
    stream = open_stream(predictor, Case(str(narrow_models[kind]), threads=2), x)
    assert stream.requests == {".ckpt": 1, ".onnx": 2}.get(kind, stream.requests) and stream.requests > 0
    stream.run(2 * stream.requests + 1)


@pytest.mark.slow
def test_inputs_that_a_model_does_not_take(narrow_ckpt, tmp_path):
    fixed = export(narrow_ckpt, "ONNX", tmp_path, ExportOptions((1, 3, 96, 64)))[0][0]
    with pytest.raises(ModelError, match=r"only inputs of 96x64 \(height x width\), not 64x96: give --shape 96x64"):
        Session(Case(str(fixed), shape=(64, 96)))
    with pytest.raises(ModelError, match=r"--shape is 64x100; .* multiples of 32"):
        Session(Case(str(narrow_ckpt), shape=(64, 100)))


def test_memory_is_that_of_the_process_itself(narrow_models):
    here = peak_mib()
    worker = Worker(Case(str(narrow_models[".onnx"]), shape=(64, 96)))
    try:
        worker.answer()
        assert 30 < worker.ask("peak_mib") < 0.7 * here  # this process holds MindSpore and more
    finally:
        worker.close()


def test_what_a_process_meets_is_told_here(narrow_models):
    with pytest.raises(DeviceError, match="onnxruntime has no device TPU here; it has CPU"):
        measure([Case(str(narrow_models[".onnx"]), device="TPU")], MeasurementPlan())
    worker = Worker(Case(str(narrow_models[".onnx"]), shape=(64, 96)))
    worker.answer()
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.join()
    with pytest.raises(WorkerError, match=r"narrow\.onnx ended with status -9"):
        worker.ask("latency", 1)
    worker.close()


@pytest.mark.slow
def test_the_program(narrow_models, tmp_path):
    models = [str(narrow_models[kind]) for kind in (".ckpt", ".onnx", ".xml")]
    done = run_main(program.main, "--models", *models, *SMALL, "--threads", "2", "--json", tmp_path / "r.json",
                    "--picture", tmp_path / "r.png")  # fmt: skip
    assert done.status == 0, done.err
    result = Benchmark.load(tmp_path / "r.json")
    assert [r.key for r in result.models] == [(model, "f32", 2) for model in models]
    assert result.settings == {"device": "CPU", "shape": [64, 96], "source": [64, 96],
                               "modes": ["latency", "throughput"], "rounds": 2, "turn": 2, "warm_up": 1}  # fmt: skip
    macs = count(narrow_network(), 64, 96).macs
    for measured in result.models:
        assert measured.macs == macs and measured.pictures_per_s > 0 and measured.peak_mib > 30
        assert list(measured.milliseconds) == ["pre", "inference", "post", "whole"]
    lines = [line for line in done.out.splitlines() if line.startswith("|")]
    assert len(lines) == 5 and lines[0].split("|")[1].strip() == "model" and "narrow.onnx" in lines[3]
    assert (tmp_path / "r.png").read_bytes()[1:4] == b"PNG"


def test_the_program_against_an_earlier_result(narrow_models, tmp_path):
    now, model = tmp_path / "now.json", narrow_models[".onnx"]
    command = ("--models", model, *SMALL, "--mode", "latency", "--threads", 1)
    assert run_main(program.main, *command, "--json", now).status == 0
    values = json.loads(now.read_text())
    assert values["models"][0]["pictures_per_s"] is None
    for factor, status in ((1e-3, 1), (1e3, 0)):  # as if it had been far faster, and far slower
        changed = json.loads(now.read_text())
        changed["models"][0]["milliseconds"]["inference"]["p50"] *= factor
        (tmp_path / "old.json").write_text(json.dumps(changed))
        done = run_main(program.main, *command, "--compare", tmp_path / "old.json", "--max_slowdown", "10%")
        assert done.status == status, done.err
        assert "narrow.onnx, 1 threads: time against the earlier result: inference" in done.out


def test_mistakes_are_told_before_the_work(narrow_models, tmp_path):
    model = narrow_models[".onnx"]
    for arguments, text in (
        ((model, model), "names a model twice"),
        (("absent.onnx",), "no model file 'absent.onnx'"),
        ((model, "--max_slowdown", "5%"), "give --compare FILE.json"),
        ((model, "--compare", model), "is not an earlier result"),
        ((model, "--picture", tmp_path / "p.abc"), "p.abc: known are ."),
        ((f"{narrow_models['.mindir']}@bf16",), "computes a float model in f32, not in bf16"),
        ((f"{model}@int8",), "must be one of f32, bf16, f16, got 'int8'"),
        ((model, "--shape", "50x64"), "multiples of 32"),
    ):
        assert text in run_main(program.main, "--models", *arguments).assert_refused()
