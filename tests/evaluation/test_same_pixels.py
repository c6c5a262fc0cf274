"""One image through every program: the same numbers reach the network, and the same matte comes back."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest

from src.bench.cases import Case
from src.bench.session import Session
from src.checkpoint.file import load_network
from src.config.config import load_config
from src.data.pairs import evaluation_pairs
from src.data.preprocess import preprocess_of
from src.evaluation.offline.bin_store import BinInputs, BinInputWriter, BinOutputs
from src.evaluation.offline.infer import infer as infer_bins
from src.evaluation.offline.npz_store import DATALIST, OUTPUT, read_npz
from src.evaluation.offline.prepare import InputRecipe, prepare
from src.evaluation.offline.store import Source
from src.evaluation.results import EvalResult
from src.imaging import normalize, resize, to_matte, write_alpha, write_png
from src.programs import eval as eval_program
from src.programs import image2npz, npz_infer
from src.programs import infer as infer_program
from src.runtime.factory import open_predictor
from src.runtime.mindspore_runtime import MindSporePredictor
from src.spec.preprocess import Preprocess
from src.training.validation import validate
from tests.support.narrow import save_narrow
from tests.support.programs import run_main, tiny_values, write_yaml

SIZE, INPUT = (80, 112), (64, 96)  # of the image, and of the network's input: shorter side 64, multiples of 32
IMAGE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


@contextlib.contextmanager
def recorded() -> Iterator[list[np.ndarray]]:
    """The inputs of all networks that run within."""
    inputs, run = [], MindSporePredictor.run

    def recording(self: MindSporePredictor, x: np.ndarray) -> np.ndarray:
        inputs.append(x.copy())
        return run(self, x)

    with mock.patch.object(MindSporePredictor, "run", recording):
        yield inputs


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save_narrow(tmp_path / "narrow.ckpt", preprocess=Preprocess(ref_size=64))


@pytest.fixture
def config(checkpoint: Path, tmp_path: Path) -> Path:
    """Of a data set with one image for validation, a.png."""
    config = write_yaml(tmp_path / "one.yml", tiny_values(tmp_path / "set", checkpoint))
    spec = load_config(config).dataset("val_dataset")
    write_png(Path(spec.dataset_root) / spec.img_subpath / "a.png", IMAGE)
    write_alpha(Path(spec.dataset_root) / spec.alpha_subpath / "a.png", np.eye(*SIZE, dtype=np.float32))
    return config


@pytest.mark.slow
def test_every_program_gives_the_network_the_same_input(checkpoint, config, tmp_path):
    spec = load_config(config).dataset("val_dataset")
    pairs, model = evaluation_pairs(spec), ("--model", checkpoint)
    trained = MindSporePredictor(
        load_network(checkpoint)[0], preprocess_of(load_config(config).data)
    )  # as the trainer does

    def run(main, *arguments) -> None:
        done = run_main(main, *arguments)
        assert done.status == 0, done.err

    with recorded() as inputs:
        validate(trained, pairs, "epoch 1", spec.dataset_root, spec.alpha_allow_rgb)
        run(eval_program.main, "--config", config, *model, "--output_path", tmp_path / "eval")
        run(
            infer_program.main,
            *model,
            "--input",
            pairs[0].image,
            "--output",
            tmp_path / "infer",
            "--no-flip",
            "--outputs",
            "alpha",
        )
        shape = ("--input_shape", "1,3,{},{}".format(*INPUT))
        run(image2npz.main, *model, "--config", config, *shape, "--output", tmp_path / "npz")
        run(npz_infer.main, *model, "--datalist", tmp_path / "npz" / DATALIST, "--output", tmp_path / "results")
        predictor = open_predictor(checkpoint)[0]
        recipe, bins = InputRecipe.of(predictor), tmp_path / "bins"
        prepare([Source.of_pair(pairs[0], False)], recipe, BinInputWriter(bins, "set", recipe))
        infer_bins(predictor, "m", BinInputs(bins), BinOutputs(bins))
        session = Session(Case(str(checkpoint), shape=INPUT, source=SIZE))
    np.testing.assert_array_equal(session.image, IMAGE)  # the benchmark's image is the one of this test

    expected = normalize(resize(IMAGE, *INPUT), (0.5,) * 3, (0.5,) * 3).transpose(2, 0, 1)[None]
    assert len(inputs) == 6
    for x in inputs:
        np.testing.assert_array_equal(x, expected)

    write_alpha(tmp_path / "npz.png", to_matte(read_npz(tmp_path / "results" / "a.npz", OUTPUT), *SIZE))
    mattes = [cv2.imread(str(tmp_path / p), cv2.IMREAD_UNCHANGED) for p in ("eval/a.png", "infer/a.png", "npz.png")]
    assert mattes[0].shape == SIZE and mattes[0].dtype == np.uint8 and np.ptp(mattes[0]) > 20
    for matte in mattes[1:]:
        np.testing.assert_array_equal(matte, mattes[0])


def test_photographs_get_flip_test_time_augmentation(checkpoint, config, tmp_path):
    """infer.py's mattes of photographs are those that eval.py --flip scores."""
    pair = evaluation_pairs(load_config(config).dataset("val_dataset"))[0]
    scored = ("--config", config, "--model", checkpoint, "--output_path", tmp_path / "eval", "--flip")
    assert run_main(eval_program.main, *scored).status == 0
    with recorded() as inputs:
        done = run_main(
            infer_program.main,
            "--model",
            checkpoint,
            "--input",
            pair.image,
            "--outputs",
            "alpha",
            "--output",
            tmp_path / "infer",
        )
    assert done.status == 0 and "with flip test-time augmentation (--no-flip: without)" in done.out
    mirrored, x = inputs
    np.testing.assert_array_equal(mirrored, x[..., ::-1])
    mattes = [cv2.imread(str(tmp_path / d / f"{pair.name}.png"), cv2.IMREAD_UNCHANGED) for d in ("eval", "infer")]
    np.testing.assert_array_equal(*mattes)
    predictor = open_predictor(checkpoint)[0]
    mean = (predictor.run(x) + predictor.run(mirrored)[..., ::-1]) / 2
    np.testing.assert_allclose(mattes[0] / 255, to_matte(mean, *mattes[0].shape), atol=0.51 / 255)
    assert abs(predictor.run(x) - mean).max() > 0.01  # or one matte alone would pass, too
    assert EvalResult.load(tmp_path / "eval" / "eval.json").model == f"{checkpoint}+flip"
