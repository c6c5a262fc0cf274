"""Released models by name: which file a name means, which one runs here, and whether it is as released."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from src.checkpoint.file import read_checkpoint
from src.common.errors import ModelError
from src.imaging import write_alpha
from src.model_file import releases as index
from src.model_file.listing import listing
from src.model_file.releases import (
    ReleasedFile,
    ReleasedModel,
    default_model,
    find_model,
    read_releases,
    verified_model,
    write_releases,
)
from src.programs import infer
from src.runtime.factory import open_predictor
from src.runtime.mindspore_runtime import open_checkpoint
from tests.support.fake_predictor import disc, fake_model
from tests.support.narrow import save_narrow
from tests.support.programs import run_main

RUNTIMES = ("openvino", "onnxruntime", "mindspore")


def released(folder: Path, name: str, *suffixes: str, what: str = "a network") -> ReleasedModel:
    files = [folder / f"{name}{suffix}" for suffix in suffixes]
    for file in files:
        file.write_bytes(f"weights of {file.name}".encode())
    return ReleasedModel(name, what, tuple(map(ReleasedFile.of, files)))


@pytest.fixture
def pretrained(tmp_path, monkeypatch) -> Path:
    """A folder with big (.ckpt, .onnx), small (.ckpt, .xml and .bin, .onnx) and int8 (.onnx)."""
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setattr(index, "FOLDER", folder)
    forms = (("big", ".ckpt"), ("big", ".onnx"), ("small", ".ckpt"), ("small", ".xml", ".bin"), ("small", ".onnx"),
             ("small-int8", ".onnx"))  # fmt: skip
    write_releases([released(folder, *form) for form in forms])
    return folder


def only(monkeypatch: pytest.MonkeyPatch, *installed: str) -> None:
    """Let no other runtime be found than these."""
    for name in RUNTIMES:
        if name not in installed:
            monkeypatch.setitem(sys.modules, name, None)


def test_the_index_gives_back_what_was_written(tmp_path):
    model = ReleasedModel(
        "net", "a network", (ReleasedFile("net.xml", 3, "ab"), ReleasedFile("net.bin", 40, "cd")), 7, 9,
        {"mse": 0.004, "mad": 0.01, "iou": 0.97}, "CCP", 107, {"milliseconds": 12.5, "threads": 2},
    )  # fmt: skip
    write_releases([model], tmp_path)
    assert read_releases(tmp_path) == [model]
    assert (model.file, model.suffix, model.bytes) == ("net.xml", ".xml", 43)
    assert read_releases(tmp_path / "nothing") == []


def test_a_files_description(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"abc")
    assert ReleasedFile.of(tmp_path / "a.onnx") == ReleasedFile("a.onnx", 3, hashlib.sha256(b"abc").hexdigest())


@pytest.mark.parametrize(
    ("installed", "name", "file"),
    [
        (RUNTIMES, "big", "big.onnx"),
        (RUNTIMES, "small", "small.xml"),
        (("onnxruntime",), "small", "small.onnx"),
        (("mindspore",), "small", "small.ckpt"),
        (("openvino",), "big", "big.onnx"),  # OpenVINO opens ONNX too
    ],
)
def test_a_name_means_the_form_that_runs_best_here(pretrained, monkeypatch, installed, name, file):
    only(monkeypatch, *installed)
    assert find_model(name) == pretrained / file


@pytest.mark.parametrize(
    ("installed", "file"),
    [
        (RUNTIMES, "big.onnx"),
        (("onnxruntime",), "big.onnx"),
        (("mindspore",), "big.ckpt"),
        (("openvino",), "big.onnx"),
        (("openvino", "mindspore"), "big.onnx"),
    ],
)
def test_the_default_is_the_first_model_that_can_be_opened(pretrained, monkeypatch, installed, file):
    only(monkeypatch, *installed)
    assert default_model() == pretrained / file


def test_no_default(pretrained, monkeypatch):
    only(monkeypatch)
    with pytest.raises(ModelError, match=r"git checkout pretrained/.*pip install onnxruntime.*--model"):
        default_model()
    (pretrained / "releases.json").unlink()
    with pytest.raises(ModelError, match="No models are released here yet"):
        default_model()


def test_a_missing_file_is_passed_over_or_named(pretrained):
    (pretrained / "big.onnx").unlink()
    assert default_model() == pretrained / "big.ckpt" == find_model("big")
    (pretrained / "small-int8.onnx").unlink()
    with pytest.raises(ModelError, match=r"small-int8.onnx is missing\. `git checkout pretrained/`"):
        find_model("small-int8")


def test_paths_stay_as_they_are(pretrained, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for path in ("elsewhere/big", "other.onnx", tmp_path / "x.ckpt", "net.mindir"):
        assert find_model(path) == Path(path)
    (tmp_path / "big").mkdir()  # a folder is no model
    assert find_model("big").parent == pretrained
    (tmp_path / "small.onnx").touch()  # a file of the user's comes before the released one
    assert find_model("small.onnx") == Path("small.onnx")
    assert find_model("big.ckpt") == pretrained / "big.ckpt"


def test_names_that_mean_nothing(pretrained):
    with pytest.raises(ModelError, match=r"nor a released model 'smal-int8'\. Did you mean `small-int8`\?.*--list"):
        find_model("smal-int8")
    with pytest.raises(ModelError, match=r"Known are: big, small, small-int8\."):
        find_model("modnet")
    with pytest.raises(ModelError, match=r"'small-int8' is released as \.onnx, expected is \.ckpt\."):
        find_model("small-int8", (".ckpt",))
    assert find_model("small", (".ckpt",)) == pretrained / "small.ckpt"


def test_a_format_that_is_not_shipped_says_how_to_get_it(pretrained):
    command = r"python export\.py --ckpt_path big --file_format OPENVINO --output_path exported"
    for model in ("big.xml", pretrained / "big.xml"):
        with pytest.raises(ModelError, match=rf"'big\.xml' is not shipped: .* \.ckpt, \.onnx.*{command}"):
            find_model(model)
        with pytest.raises(ModelError, match=command):
            open_predictor(model)
    with pytest.raises(ModelError, match="--ckpt_path small --file_format MINDIR"):
        find_model("small.mindir")
    # Without a released checkpoint there is nothing to export it from.
    with pytest.raises(ModelError, match=r"is released as \.onnx\. Give small-int8\.onnx, or the plain"):
        find_model("small-int8.xml")


def test_a_changed_file_is_refused(pretrained):
    assert verified_model("small") == pretrained / "small.xml"
    weights = pretrained / "small.bin"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"X")  # of the same size
    for model in ("small", "small.xml", pretrained / "small.xml"):
        with pytest.raises(ModelError, match=r"small\.bin is not the file that was released.*git checkout pretrained/"):
            verified_model(model)
    with pytest.raises(ModelError, match="not the file that was released"):
        open_predictor("small")
    weights.unlink()
    with pytest.raises(ModelError, match=r"small\.bin is missing"):
        verified_model(pretrained / "small.xml")
    (pretrained / "mine.onnx").touch()
    assert verified_model(pretrained / "mine.onnx").name == "mine.onnx"


@pytest.mark.slow
def test_a_released_checkpoint_is_read_by_name(pretrained):
    path = save_narrow(pretrained / "narrow.ckpt", epoch=3)
    write_releases([ReleasedModel("narrow", "", (ReleasedFile.of(path),))])
    assert read_checkpoint("narrow").meta.epoch == 3
    contract = open_predictor("narrow")[1]
    assert contract.source == {"file": "narrow.ckpt", "sha256": read_releases()[0].files[0].sha256}
    for name in ("narrow", "narrow.ckpt"):
        assert open_checkpoint(name)[1] == contract
    save_narrow(path, epoch=4)
    with pytest.raises(ModelError, match="not the file that was released"):
        read_checkpoint("narrow")


@pytest.mark.parametrize("text", ["", "[]", '{"models": [{"name": "a"}]}', '{"models": [{"files": [{}]}]}'])
def test_a_damaged_index(tmp_path, monkeypatch, text):
    monkeypatch.setattr(index, "FOLDER", tmp_path)
    (tmp_path / "releases.json").write_text(text)
    with pytest.raises(ModelError, match=r"releases\.json.*cannot be read.*git checkout"):
        find_model("a")


def test_infer_lists_models_and_takes_the_default(pretrained, tmp_path, monkeypatch):
    done = run_main(infer.main, "--list")
    assert (done.status, done.out.strip()) == (0, listing())
    assert [line.split()[:2] for line in listing().splitlines()] == [[m.name, m.file] for m in read_releases()]
    only(monkeypatch, "openvino")
    write_alpha(tmp_path / "me.png", disc(32, 32, 10, 64))
    with fake_model() as (_, given):
        done = run_main(infer.main, "--input", tmp_path / "me.png", "--output", tmp_path / "out")
    assert (done.status, given["path"]) == (0, "big")
    done = run_main(infer.main, "--model", "smal", "--input", tmp_path / "me.png", "--output", tmp_path / "out")
    assert "Did you mean `small`?" in done.assert_refused()


def test_the_list_says_speed_and_advice(tmp_path, monkeypatch):
    def model(name: str, error: float, size: int, milliseconds: float) -> ReleasedModel:
        latency = {"milliseconds": milliseconds, "shape": [512, 512]}
        return ReleasedModel(name, "what", (ReleasedFile(f"{name}.onnx", size, ""),), scores={"mse": error},
                             openvino_latency=latency)  # fmt: skip

    models = [model("big", 0.004, 9_000_000, 90.0), model("small", 0.005, 2_000_000, 12.0), model("tiny", 0.03, 1, 2.5)]
    monkeypatch.setattr(index, "FOLDER", tmp_path)
    write_releases(models, tmp_path)
    assert [line[line.index("MSE") :] for line in listing().splitlines()] == [
        "MSE 0.0040  90.0 ms at 512x512  what: the best mattes",
        "MSE 0.0050  12.0 ms at 512x512  what: small, and nearly the best",
        "MSE 0.0300  2.5 ms at 512x512   what: the fastest",
    ]


def test_the_repositorys_own_index():
    """Whatever is released now: its files are there and have the hashes of the index."""
    for model in read_releases():
        assert verified_model(model.file) == model.path
    if index.FOLDER.joinpath("releases.json").exists():
        assert all(
            isinstance(row["name"], str) for row in json.loads((index.FOLDER / "releases.json").read_text())["models"]
        )
