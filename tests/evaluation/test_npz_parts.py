"""What the npz programs are made of: shapes as text, the one size, names, batches."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from src.common.errors import ConfigError, DataError, ModelError
from src.evaluation.offline.bin_store import BinEntry, BinOutputs, Manifest, write_bin
from src.evaluation.offline.infer import infer
from src.evaluation.offline.npz_store import FileTruth, NpzInputs, NpzOutputs, read_datalist, read_npz, write_npz
from src.evaluation.offline.score import TOLERANCE, check_output, score
from src.evaluation.offline.store import refuse_twice
from src.imaging import to_input, write_alpha, write_png
from src.programs import image2npz
from src.runtime.base import InputForm, Predictor
from src.runtime.input_size import INPUT_SHAPE, choose_size, parse_input_shape
from src.spec.preprocess import Preprocess
from tests.support.programs import ROOT, run_main


def test_shapes_as_text():
    assert parse_input_shape("1,3,480,288") == parse_input_shape("480,288") == (480, 288)
    for text in ("480", "3,480,288", "2,3,480,288", "1,4,32,32", "1,3,-1,-1", "0,32", "a,b", ""):
        with pytest.raises(ConfigError, match="`input_shape` must be 1,3,H,W or H,W"):
            parse_input_shape(text)


def test_one_size_for_all():
    own = Preprocess(ref_size=(255, 200))
    assert choose_size(None, own, InputForm(), "m", INPUT_SHAPE) == (255, 200)
    assert choose_size((64, 96), own, InputForm(), "m", INPUT_SHAPE) == (64, 96)
    assert choose_size((64, 96), Preprocess(), InputForm(size=(64, 96)), "m", INPUT_SHAPE) == (64, 96)


def test_names_and_batches(tmp_path):
    class Pair(Predictor):
        def run(self, x):
            raise AssertionError

    with pytest.raises(ModelError, match=r"m takes batches of 2 images, expected is one at a time"):
        infer(Pair(Preprocess(), InputForm(batch=2)), "m", NpzInputs([]), NpzOutputs(tmp_path))
    write_npz(tmp_path / "free.npz", "input", np.zeros((1, 3, 64, 90), np.float32))
    with pytest.raises(DataError, match=r"float32 \[1, 3, 64, 90\], .* takes float32 \[1, 3, H, W of multiples of 32"):
        infer(Pair(Preprocess()), "m", NpzInputs([tmp_path / "free.npz"]), NpzOutputs(tmp_path))
    with pytest.raises(DataError, match="2 image names occur twice: b, c"):
        refuse_twice(["a", "b", "c", "b", "c"])
    with pytest.raises(DataError, match="Cannot read the list"):
        read_datalist(tmp_path)


def test_lists_and_headers_that_claim_too_much(tmp_path):
    (tmp_path / "list.txt").write_text("x" * 300 + "\n")
    with pytest.raises(DataError, match=r"names no npz files: File name too long\. It must name one a line"):
        read_datalist(tmp_path / "list.txt")
    header = io.BytesIO()
    shape = (1, 3, 2**20, 2**20)  # 13 terabytes
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("output.npy", header.getvalue())
    with pytest.raises(DataError, match=r"a\.npz cannot be read as npz: "):
        read_npz(tmp_path / "a.npz", "output")
    (tmp_path / "manifest.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(DataError, match=r"manifest\.json' cannot be read \(ValueError\('nested too deeply'\)\)"):
        Manifest.load(tmp_path)


def test_one_tolerance_for_both_stores(tmp_path):
    """Integer runtimes leave [0, 1] by a step; what lies further out, or is NaN, is refused."""
    (tmp_path / "output").mkdir()
    Manifest("set", Preprocess(), "float32", (BinEntry("a", (1, 2), (1, 2)),)).save(tmp_path)
    for low, high, fits in ((-0.01, 1.01, True), (-0.0201, 0.5, False), (0.5, 1.0201, False), (np.nan, 0.5, False),
                            (0.5, np.inf, False), (-TOLERANCE / 1.001, 1.0, True)):  # fmt: skip
        values = np.float32([[low, high]])
        write_npz(tmp_path / "a.npz", "output", values)
        write_bin(tmp_path / "output" / "a.bin", values)
        for outputs in (NpzOutputs(tmp_path), BinOutputs(tmp_path)):
            found = outputs.read("a")
            np.testing.assert_array_equal(found, values)
            if fits:
                check_output(found, outputs.path("a"))
            else:
                with pytest.raises(DataError, match=r"is no alpha: .* a matte lies in \[0, 1\]"):
                    check_output(found, outputs.path("a"))


def test_layouts(tmp_path):
    """A network of normalised [N, h, w, 3] is told apart from one of [N, 3, h, w]."""

    class Red(Predictor):
        def run(self, x):
            return x[None, ..., 0]

    x = np.random.default_rng(0).uniform(size=(1, 32, 64, 3)).astype(np.float32)
    write_npz(tmp_path / "a.npz", "input", x)
    with pytest.raises(DataError, match=r"the model takes float32 \[1, 3, H, W of"):
        infer(Red(Preprocess()), "m", NpzInputs([tmp_path / "a.npz"]), NpzOutputs(tmp_path))
    outputs = NpzOutputs(tmp_path / "out")
    infer(Red(Preprocess(), InputForm(channels_last=True)), "m", NpzInputs([tmp_path / "a.npz"]), outputs)
    np.testing.assert_array_equal(read_npz(tmp_path / "out" / "a.npz", "output"), x[None, ..., 0])


def test_a_size_on_the_command_line(narrow_ckpt, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (80, 100, 3), np.uint8)
    write_png(tmp_path / "in" / "a.png", image)
    done = run_main(image2npz.main, "--input", tmp_path / "in", "--output", tmp_path / "out", "--model", narrow_ckpt,
                    "--ref_size", 64, 96)  # fmt: skip
    assert done.status == 0, done.err
    expected = to_input(image, Preprocess(), (64, 96))
    np.testing.assert_array_equal(read_npz(tmp_path / "out" / "a.npz", "input"), expected)


def test_what_cannot_be_used_is_left_out_of_the_list(tmp_path):
    for name in ("a", "c"):
        write_png(tmp_path / "in" / f"{name}.png", np.zeros((40, 60, 3), np.uint8))
    (tmp_path / "in" / "b.png").write_bytes(b"no image")
    done = run_main(image2npz.main, "--input", tmp_path / "in", "--input_shape", "64,64", "--output", tmp_path / "out")
    assert done.status == 1 and "b.png" in done.out and "2 of 3 images, listed in" in done.out
    assert (tmp_path / "out" / "npz_datalist.txt").read_text() == "a.npz\nc.npz\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.npz", "c.npz", "npz_datalist.txt"]


def test_a_full_disk_is_one_error(tmp_path):
    """The size limit of files stands in for the disk."""
    program = f"""
import resource, signal
import numpy as np
from pathlib import Path
from src.common.cli import run_command
from src.evaluation.offline.npz_store import write_npz
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
run_command(lambda: write_npz(Path({str(tmp_path)!r}) / "a.npz", "input", np.zeros((1, 3, 64, 64), np.float32)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith(f"error: Cannot write {tmp_path / 'a.npz'}") and not list(tmp_path.iterdir())


def test_one_rule_for_mmnet_s_own_measures(tmp_path):
    """They need to know that all inputs had one size: a manifest says so, and a configuration; a folder does not."""
    write_alpha(tmp_path / "a.png", np.tri(40, 60, dtype=np.float32))
    write_npz(tmp_path / "a.npz", "output", np.full((32, 32), 0.5, np.float32))

    def measures(preprocess: Preprocess | None) -> set[str]:
        return set(score(NpzOutputs(tmp_path), FileTruth({"a": tmp_path / "a.png"}, {}, False, "s", preprocess)).mmnet)

    assert measures(None) == measures(Preprocess()) == set()
    assert "mad_800_600" in measures(Preprocess(ref_size=(32, 32)))
