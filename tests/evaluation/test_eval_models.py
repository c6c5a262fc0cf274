"""eval.py with models of any kind: equal scores, the comparison, its gate, and runs that do not touch each other."""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from src.common.cli import parse_share
from src.common.errors import DeviceError, ModelError
from src.config.config import load_config
from src.data.pairs import evaluation_pairs
from src.evaluation.results import Comparison, EvalResult
from src.evaluation.score import evaluate
from src.imaging import read_alpha
from src.model_file import releases as index
from src.model_file.releases import ReleasedFile, ReleasedModel, write_releases
from src.programs import eval as program
from src.runtime.base import InputForm, Predictor
from src.runtime.factory import open_predictor
from src.spec.preprocess import Preprocess
from tests.support.narrow import narrow_state, save_narrow
from tests.support.programs import run_main


def result(model: str, mse: float) -> EvalResult:
    whole = {"mse": mse, "mad": 0.2, "sad": 1.0, "miou": 0.75}
    return EvalResult(model, "set", 4, whole, whole | {"mse": 0.5}, [], seconds=2.0, network_seconds=0.1)


def test_all_formats_of_a_network_get_the_same_scores(narrow_models, tiny_config, tmp_path):
    models = [narrow_models[kind] for kind in (".ckpt", ".onnx", ".xml", "u8")]
    out = tmp_path / "out"
    done = run_main(
        program.main, "--config", tiny_config, "--model", *models, "--output_path", out, "--max_mse_increase", "0.01%"
    )
    assert done.status == 0, done.err
    folders = ["1_narrow.ckpt", "2_narrow.onnx", "3_narrow.xml", "4_narrow_u8.xml"]
    assert sorted(path.name for path in out.iterdir()) == [*folders, "comparison.json"]
    results = [EvalResult.load(out / folder / "eval.json") for folder in folders]
    for other in results[1:]:
        for scores, expected in ((other.whole, results[0].whole), (other.band, results[0].band)):
            assert scores == pytest.approx(expected, rel=1e-4)
    mattes = [read_alpha(out / folder / "v00000.png") for folder in folders]
    assert all(np.abs(matte - mattes[0]).max() < 1.01 / 255 for matte in mattes)
    rows = json.loads((out / "comparison.json").read_text())["models"]
    assert [row["model"] for row in rows] == [str(model) for model in models]
    assert rows[0]["mse_increase"] == 0 and all(abs(row["mse_increase"]) < 1e-4 for row in rows)
    assert "\nmodel " in done.out and " MSE +/-" in done.out


def test_another_input_size(narrow_models, tiny_config, tmp_path):
    """Three programs' one option: the network sees what infer.py --ref_size would show it."""
    config = load_config(str(tiny_config))
    pairs = evaluation_pairs(config.dataset("val_dataset"))
    for sides in ((32,), (64, 32)):
        out = tmp_path / str(len(sides))
        asked = ("--config", tiny_config, "--model", narrow_models[".onnx"], "--output_path", out, "--ref_size", *sides)
        assert run_main(program.main, *asked).status == 0
        ref_size = sides[0] if len(sides) == 1 else sides
        predictor, _ = open_predictor(narrow_models[".onnx"], preprocess={"ref_size": ref_size})
        expected = evaluate(predictor, pairs, "m", "s").whole
        assert EvalResult.load(out / "eval.json").whole == pytest.approx(expected)
        assert expected != pytest.approx(evaluate(open_predictor(narrow_models[".onnx"])[0], pairs, "m", "s").whole)


def in_bf16(model: Path) -> bool:
    """Whether this CPU computes in bf16: `open_predictor` refuses elsewhere."""
    try:
        open_predictor(model, precision="bf16")
    except DeviceError:
        return False
    return True


def test_one_model_in_several_precisions(narrow_models, tiny_config, tmp_path, monkeypatch):
    """By a released name and by path; --precision is for those that name none."""
    monkeypatch.setattr(index, "FOLDER", tmp_path)
    files = [Path(shutil.copy(narrow_models[".xml"].with_suffix(s), tmp_path / f"tiny{s}")) for s in (".xml", ".bin")]
    write_releases([ReleasedModel("tiny", "", tuple(map(ReleasedFile.of, files)))])
    command = ("--config", tiny_config, "--precision", "bf16", "--output_path", tmp_path / "out", "--model", "tiny@f32")
    if not in_bf16(files[0]):
        assert "does not compute in bf16" in run_main(program.main, *command, files[0]).assert_refused()
        return
    done = run_main(program.main, *command, "tiny@bf16", files[0], narrow_models[".onnx"].as_posix() + "@f32")
    assert done.status == 0, done.err
    rows = json.loads((tmp_path / "out" / "comparison.json").read_text())["models"]
    labels = ["tiny", "tiny@bf16", f"{files[0]}@bf16", str(narrow_models[".onnx"])]
    assert [row["model"] for row in rows] == labels
    table = done.out[done.out.index("\nmodel ") :].splitlines()
    assert [line.split()[0] for line in table[2:]] == labels
    folders = ["1_tiny", "2_tiny@bf16", "3_tiny.xml@bf16", "4_narrow.onnx"]
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [*folders, "comparison.json"]
    exact, by_name, by_path, onnx = (row["whole"]["mse"] for row in rows)
    assert by_name == by_path and onnx == pytest.approx(exact, rel=1e-4)
    for matte in ("v00000.png", "v00001.png"):
        mattes = [read_alpha(tmp_path / "out" / folder / matte) for folder in folders[:2]]
        assert 1 / 255 - 1e-6 < np.abs(mattes[1] - mattes[0]).max() < 0.1  # near f32 and not it


def test_precisions_that_cannot_be(narrow_models, tiny_config, tmp_path):
    out = tmp_path / "out"

    def refused(*models: str) -> str:
        done = run_main(program.main, "--config", tiny_config, "--output_path", out, "--model", *models)
        return done.assert_refused()

    model = narrow_models[".xml"]
    assert f"'{model}@int4': a model's precision must be one of f32, bf16, f16, got 'int4'. Write {model}@bf16" in (
        refused(str(model), f"{model}@int4")
    )
    assert not out.exists()  # told before the work
    assert "MindSpore computes a float model in f32, not in bf16" in refused(f"{narrow_models['.ckpt']}@bf16")
    assert "neither a file nor a released model 'nothing'" in refused("nothing@bf16")


@pytest.mark.slow
def test_a_worse_model_does_not_pass(narrow_models, tiny_config, tmp_path):
    other = save_narrow(tmp_path / "other.ckpt", narrow_state(seed=1), preprocess=Preprocess(ref_size=64))
    scores = []
    for order in ((narrow_models[".ckpt"], other), (other, narrow_models[".ckpt"])):
        done = run_main(program.main, "--config", tiny_config, "--model", *order, "--output_path", tmp_path / "out",
                        "--max_mse_increase", "0%")  # fmt: skip
        scores.append(done.status)
        assert ("MSE increase +" in done.out) == (done.status == 1)
    assert sorted(scores) == [0, 1]
    assert (tmp_path / "out" / "comparison.json").exists() and (tmp_path / "out-2" / "comparison.json").exists()


def test_the_gate_needs_something_to_compare_with(narrow_ckpt, tiny_config):
    done = run_main(program.main, "--config", tiny_config, "--ckpt_path", narrow_ckpt, "--max_mse_increase", "10%")
    assert "give --model A B" in done.assert_refused()


def test_a_second_evaluation_leaves_the_first_one_alone(narrow_models, tiny_config, tmp_path):
    for _ in range(2):
        done = run_main(program.main, "--config", tiny_config, "--ckpt_path", narrow_models[".onnx"],
                        "--output_path", tmp_path / "out")  # fmt: skip
        assert done.status == 0, done.err
    for name in ("out", "out-2"):
        assert sorted(p.name for p in (tmp_path / name).iterdir()) == ["eval.json", "v00000.png", "v00001.png"]


def test_comparison_by_hand(tmp_path):
    comparison = Comparison([result("dense.ckpt", 0.01), result("a.xml", 0.0115), result("b.onnx", 0.008)])
    assert [comparison.mse_increase(r) for r in comparison.results] == pytest.approx([0, 0.15, -0.2])
    assert [r.model for r in comparison.over(0.1)] == ["a.xml"] and comparison.over(0.16) == []
    assert comparison.table().splitlines()[2] == (
        "a.xml       0.011500  0.200000  0.750000  0.500000   +15.0%          25.0"
    )
    comparison.save(tmp_path / "c.json")
    rows = json.loads((tmp_path / "c.json").read_text())["models"]
    assert rows[1]["mse_increase"] == pytest.approx(0.15) and "per_picture" not in rows[1]
    perfect = Comparison([result("a", 0.0), result("b", 0.0), result("c", 0.1), result("d", float("nan"))])
    assert [r.model for r in perfect.over(0.5)] == ["c", "d"]


def test_shares_as_text():
    assert [parse_share(text) for text in ("10%", "0.1", "0", "150%")] == pytest.approx([0.1, 0.1, 0, 1.5])
    for text in ("ten", "-1%", "nan", "inf", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="such as 10%"):
            parse_share(text)


def test_a_model_of_a_fixed_batch_is_refused():
    class Pair(Predictor):
        def run(self, x):
            raise AssertionError

    with pytest.raises(ModelError, match=r"m takes batches of 2 images.*--input_shape 1,3,H,W"):
        evaluate(Pair(Preprocess(), InputForm(batch=2)), [], "m", "s")
