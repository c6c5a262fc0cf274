"""The data doctor, run as a user does: every fault is found, counted and named, and the exit status says it."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from src.common.cli import run_command
from src.data.doctor.inspect import InspectionJob, inspect
from src.data.doctor.report import shared_images
from src.imaging import write_png
from src.programs import check_dataset
from tests.imaging.test_imaging_files import encode, exif, indexed_png, jpeg_with
from tests.support.transform_samples import painted_sample

PROGRAM = Path(__file__).resolve().parents[2] / "data" / "check_dataset.py"
TRAIN = [{"type": "LoadImages"}, {"type": "RandomCrop", "crop_size": [32, 32]}, {"type": "GenTrimap"},
         {"type": "Normalize"}, {"type": "Transpose"}]  # fmt: skip


def image_of(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).uniform(0, 255, (9, 12, 3)).astype(np.float32)
    return cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def mask() -> np.ndarray:
    return np.rint(255 * painted_sample(120, 160)["alpha"]).astype(np.uint8)


class Folder:
    """A data set to break: `add` writes a pair, an array or raw bytes in place of the default."""

    def __init__(self, root: Path, sub: str = ""):
        self.image, self.mask = root / sub / "image", root / sub / "mask"
        for folder in (self.image, self.mask):
            folder.mkdir(parents=True)

    def add(self, name, seed=0, image=None, alpha=None):
        data = image if isinstance(image, bytes) else encode(".jpg", image_of(seed) if image is None else image)
        (self.image / f"{name}.jpg").write_bytes(data)
        data = alpha if isinstance(alpha, bytes) else encode(".png", mask() if alpha is None else alpha)
        (self.mask / f"{name}.png").write_bytes(data)


def write_config(root: Path, **sections) -> Path:
    path = root / "set.yml"
    path.write_text(yaml.safe_dump(sections))
    return path


def section(root: Path, sub: str = "", **keys) -> dict:
    return {"name": "folder", "dataset_root": str(root / sub), "batch_size": 2, "transforms": TRAIN, **keys}


@dataclass(frozen=True)
class Outcome:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the program on a configuration, inside this process and the configuration's folder."""

    def call(config: Path) -> Outcome:
        monkeypatch.chdir(config.parent)
        monkeypatch.setattr(sys, "argv", [str(PROGRAM), str(config), "--workers", "1"])
        with pytest.raises(SystemExit) as left:
            run_command(check_dataset.main)
        return Outcome(left.value.code, *capfd.readouterr())

    return call


def lines_of(output: str) -> dict[str, tuple[str, int, str]]:
    """what -> (ERROR or warning, count, names)."""
    found = re.findall(r"^ +(ERROR|warning) +(.*?) \((\d+)\): (.*)$", output, re.MULTILINE)
    return {what: (level, int(count), names) for level, what, count, names in found}


@pytest.mark.slow
def test_a_sound_data_set_passes_on_two_processes(tmp_path):
    train, validation = Folder(tmp_path, "train"), Folder(tmp_path, "val")
    for i in range(4):
        train.add(f"t{i}", seed=i)
        validation.add(f"v{i}", seed=100 + i)
    config = write_config(tmp_path, train_dataset=section(tmp_path, "train"), val_dataset=section(tmp_path, "val"))
    command = [sys.executable, str(PROGRAM), str(config), "--workers", "2"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 kinds of error, 0 of warning: training can start." in result.stdout
    share = painted_sample(120, 160)["alpha"].mean()
    assert result.stdout.count(f"person's share of the image {share:.3f} / {share:.3f} / {share:.3f}") == 2
    assert "shorter side 120 / 120 / 120 pixels" in result.stdout


def break_a_set(root: Path) -> None:
    """Three sound pairs, a greyscale image and a 16-bit alpha (no faults), and one pair or more of each fault."""
    broken, grey = Folder(root), mask()
    hard = np.where(grey > 127, 255, 0).astype(np.uint8)
    jpeg, grey_png = encode(".jpg", image_of(1)), encode(".png", grey)
    damaged = bytearray(jpeg)
    damaged[len(jpeg) // 2 : len(jpeg) // 2 + 60] = b"\xff\x00" * 30
    for i in range(3):
        broken.add(f"sound{i}", seed=i)
    broken.add("grey_picture", image=image_of(5)[..., 0])
    broken.add("deep", alpha=grey.astype(np.uint16) * 257)
    broken.add("truncated", image=jpeg[: len(jpeg) // 2])
    broken.add("empty", image=b"")
    broken.add("text", image=b"hello")
    broken.add("damaged", image=bytes(damaged))
    broken.add("remark", alpha=grey_png[:33] + b"\0\0\0\3tEXta\0bnope" + grey_png[33:])  # a wrong check sum
    broken.add("turned", image=jpeg_with(b"Exif\0\0" + exif(6), jpeg))
    broken.add("upside", image=jpeg_with(b"Exif\0\0" + exif(3), jpeg))
    broken.add("cut_alpha", alpha=encode(".png", grey)[:-30])
    broken.add("colored", alpha=image_of(3))
    broken.add("rgb", alpha=np.dstack([grey] * 3))
    broken.add("rgba", alpha=np.dstack([grey] * 4))
    broken.add("size", alpha=grey[:100])
    broken.add("hard", alpha=hard)
    broken.add("dark", alpha=hard // 255)
    broken.add("nobody", alpha=grey * 0)
    broken.add("all", alpha=grey * 0 + 255)
    broken.add("faint", alpha=grey // 2)
    broken.add("inverted", alpha=255 - grey)
    broken.add("trimap", alpha=np.where(grey > 250, 255, np.where(grey > 3, 128, 0)).astype(np.uint8))
    broken.add("alone", seed=1)
    (broken.mask / "alone.png").unlink()
    (broken.mask / "orphan.png").write_bytes(encode(".png", grey))


FAULTS = {
    "images without alpha": ("ERROR", ["alone"]),
    "alphas without image": ("ERROR", ["orphan"]),
    "images that cannot be read": ("ERROR", ["damaged.jpg", "empty.jpg", "text.jpg", "truncated.jpg"]),
    "alphas that cannot be used": ("ERROR", ["colored.png", "cut_alpha.png"]),
    "alphas with several equal channels": ("ERROR", ["rgb", "rgba"]),
    "alphas of another size than their image": ("ERROR", ["size", "turned"]),
    "files that decode with damage inside": ("warning", ["remark"]),
    "images that carry an EXIF rotation": ("warning", ["turned", "upside"]),
    "alphas that hold 0 and 1 instead of 0 and 255": ("warning", ["dark"]),
    "alphas that never reach 1": ("warning", ["faint"]),
    "alphas that are 0 everywhere": ("warning", ["nobody"]),
    "alphas that are 1 nearly everywhere": ("warning", ["all"]),
    "alphas with hard edges only": ("warning", ["hard"]),
    "alphas that are trimaps": ("warning", ["trimap"]),
    "alphas that look inverted": ("warning", ["inverted"]),
}


def test_every_fault_is_found_and_named(tmp_path, run):
    break_a_set(tmp_path)
    result = run(write_config(tmp_path, train_dataset=section(tmp_path)))
    assert result.returncode == 2 and "Traceback" not in result.stderr
    found = lines_of(result.stdout)
    assert {what: level for what, (level, _, _) in found.items()} == {
        what: level for what, (level, _) in FAULTS.items()
    }
    for what, (_, names) in FAULTS.items():
        assert found[what][1] == len(names), what
        assert all(name in found[what][2] for name in names), what
    assert "image 120x160, alpha 160x120, sides swapped" in found["alphas of another size than their image"][2]
    assert "6 kinds of error, 9 of warning: training would fail." in result.stdout
    assert not any(name in result.stdout for name in ("sound", "grey_picture", "deep"))


def test_alphas_in_a_fourth_channel_and_with_a_palette(tmp_path):
    def faults(pixels):
        write_png(tmp_path / "i.png", image_of(1))
        (tmp_path / "a.png").write_bytes(pixels)
        return inspect(InspectionJob("i", tmp_path / "i.png", tmp_path / "a.png", False)).faults

    grey = mask()
    assert list(faults(encode(".png", np.dstack([image_of(3), grey])))) == ["transparency"]
    assert list(faults(encode(".png", np.dstack([grey * 0] * 3 + [grey])))) == ["transparency"]
    assert list(faults(encode(".png", np.dstack([image_of(3), grey | 255])))) == ["unusable alpha"]
    assert list(faults(indexed_png(grey // 128, np.array([[0, 0, 0], [128, 0, 0]])))) == ["palette"]


def test_permitted_channels_are_no_fault(tmp_path, run):
    folder = Folder(tmp_path)
    for i in range(2):
        folder.add(f"p{i}", seed=i, alpha=np.dstack([mask()] * 3))
    assert run(write_config(tmp_path, train_dataset=section(tmp_path, alpha_allow_rgb=True))).returncode == 0


def test_images_that_training_and_validation_share(tmp_path, run):
    train, validation = Folder(tmp_path, "train"), Folder(tmp_path, "val")
    for i in range(4):
        train.add(f"t{i}", seed=i)
        validation.add(f"v{i}", seed=100 + i)
    validation.add("copy", image=cv2.imencode(".jpg", image_of(2), [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes())
    result = run(write_config(tmp_path, train_dataset=section(tmp_path, "train"), val_dataset=section(tmp_path, "val")))
    assert result.returncode == 0
    assert lines_of(result.stdout)["images in training that validation has too"] == ("warning", 1, "t2 = copy")


def test_shared_images_compares_in_parts_of_any_number(tmp_path):
    def facts(name, seed):
        write_png(tmp_path / f"{name}.png", image_of(seed))
        return inspect(InspectionJob(name, tmp_path / f"{name}.png", None, False))

    one, twin = facts("one", 1), facts("twin", 1)
    train = [facts(f"t{i}", 10 + i) for i in range(3)] * 200 + [one]
    assert shared_images(train, [facts("v", 99), twin]) == ["one = twin"]
    assert shared_images([], [one]) == shared_images([one], []) == []


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        ({"train_dataset": {"dataset_root": "gone", "transforms": TRAIN}}, "Cannot list the data folder 'gone/image'"),
        ({"train_dataset": {"dataset_root": ".", "transforms": TRAIN}}, "make_synthetic.py --output data/synthetic"),
        ({"train_dataset": {"dataset_root": ".", "transforms": [{"type": "LoadImagse"}]}}, "Did you mean `LoadImages`"),
        ({"train_dataset": {"dataset_root": ".", "transforms": TRAIN[:2]}}, "lack GenTrimap, Normalize, Transpose"),
        ({"train_dataset": {"dataset_root": ".", "batchsize": 2}}, "Did you mean `batch_size`"),
        ({"lr": 0.1}, "neither `train_dataset` nor `val_dataset`"),
    ],
)
def test_configurations_that_cannot_be(tmp_path, run, sections, text):
    (tmp_path / "image").mkdir()
    result = run(write_config(tmp_path, **sections))
    assert result.returncode == 2 and text in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_set_smaller_than_its_batch(tmp_path, run):
    folder = Folder(tmp_path)
    for i in range(3):
        folder.add(f"p{i}", seed=i)
    result = run(write_config(tmp_path, train_dataset=section(tmp_path, batch_size=4)))
    assert result.returncode == 2 and "3 pairs are fewer than batch_size 4" in result.stdout


def test_missing_configuration(tmp_path, run):
    result = run(tmp_path / "gone.yml")
    assert result.returncode == 2 and "gone.yml" in result.stderr and "Traceback" not in result.stderr


def test_amd_backgrounds_are_examined(tmp_path, run):
    for folder, names in (("fg", ["a", "b"]), ("bg", ["sea"])):
        for i, name in enumerate(names):
            write_png(tmp_path / folder / f"{name}.png", image_of(i))
    for name in "ab":
        write_png(tmp_path / "alpha" / f"{name}.png", mask())
    (tmp_path / "bg" / "cut.jpg").write_bytes(encode(".jpg", image_of(9))[:-50])
    (tmp_path / "fg.txt").write_text("a.png\nb.png\n")
    (tmp_path / "bg.txt").write_text("sea.png\ncut.jpg\n")
    keys = {"name": "AMD", "alpha_subpath": "alpha", "fg_names": "fg.txt", "bg_names": "bg.txt"}
    result = run(write_config(tmp_path, train_dataset=section(tmp_path, **keys)))
    assert result.returncode == 2
    level, count, names = lines_of(result.stdout)["images that cannot be read"]
    assert (level, count) == ("ERROR", 1) and "bg/cut.jpg' is truncated" in names
