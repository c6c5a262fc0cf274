"""Damaged images and videos, and images that do not fit, for every program that reads some."""

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from tests.support.faults.case import Case, Place, malformed

Damage = Callable[[Place, Path], None]


def cut(place: Place, path: Path, source: Path) -> None:
    """The first part of a good file."""
    data = source.read_bytes()
    path.write_bytes(data[: place.rng.randrange(1, len(data) * 9 // 10)])


def _encoded(suffix: str, place: Place) -> bytes:
    image = cv2.imread(str(place.world.photo))
    return cv2.imencode(suffix, image)[1].tobytes()


def _cut_image(place: Place, path: Path) -> None:
    data = _encoded(path.suffix, place)
    path.write_bytes(data[: place.rng.randrange(1, len(data) * 8 // 10)])


def _empty(_place: Place, path: Path) -> None:
    path.write_bytes(b"")


def _garbage(place: Place, path: Path) -> None:
    path.write_bytes(place.rng.randbytes(place.rng.randrange(1, 5000)))


def _garbage_behind_head(place: Place, path: Path) -> None:
    path.write_bytes(_encoded(path.suffix, place)[:24] + place.rng.randbytes(500))


def _text(_place: Place, path: Path) -> None:
    path.write_text("<html>404 Not Found</html>\n", encoding="utf-8")


def _huge_claim(place: Place, path: Path) -> None:
    """A PNG that says to have millions of rows, and has the data of none."""
    side = place.rng.choice((60_000, 1_000_000, 2**31 - 1))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) +
                     chunk(b"IEND", b""))  # fmt: skip


def _folder(_place: Place, path: Path) -> None:
    path.mkdir()


def _dangling(_place: Place, path: Path) -> None:
    path.symlink_to("nowhere")


def _loop(_place: Place, path: Path) -> None:
    path.symlink_to(path.name)


DAMAGES: tuple[Damage, ...] = (
    _cut_image, _empty, _garbage, _garbage_behind_head, _text, _huge_claim, _cut_image, _folder, _dangling, _loop,
)  # fmt: skip
# In a data set's folder they are no files at all, which is another mistake.
DAMAGED_FILES = DAMAGES[:7]


def damaged_image(place: Place, folder: Path, stem: str, damages: tuple[Damage, ...] = DAMAGES) -> tuple[Path, str]:
    """An image that cannot be read, and what was done to it."""
    damage = place.rng.choice(damages)
    suffix = ".png" if damage is _huge_claim else place.rng.choice((".png", ".jpg", ".webp"))
    path = folder / (stem + suffix)
    damage(place, path)
    return path, f"{suffix[1:].upper()} {damage.__name__.strip('_').replace('_', ' ')}"


@malformed("image")
def single(place: Place) -> Case:
    path, how = damaged_image(place, place.folder, "a")
    arguments = ("--model", str(place.world.onnx), "--input", str(path), "--output", str(place.output))
    return Case(how, "infer", arguments, (1, 2), place.output)


@malformed("image")
def of_many(place: Place) -> Case:
    """One bad file among good ones: the good ones get their mattes, and status 1 tells."""
    folder = shutil.copytree(place.world.images, place.folder / "in")
    _, how = damaged_image(place, folder, "zz", DAMAGED_FILES)
    good = next(folder.glob("v*"), next(folder.iterdir()))
    arguments = ("--model", str(place.world.onnx), "--input", str(folder), "--output", str(place.output))
    return Case(f"{how} beside good ones", "infer", arguments, (1,), leaves=(place.output / f"{good.stem}.png",))


@malformed("image")
def background(place: Place) -> Case:
    path, how = damaged_image(place, place.folder, "b")
    arguments = ("--model", place.world.onnx, "--input", place.world.photo, "--output", place.output)
    return Case(f"background: {how}", "infer", (*map(str, arguments), "--background", str(path)), output=place.output)


@malformed("image")
def photograph_of_a_clip(place: Place) -> Case:
    path, how = damaged_image(place, place.folder, "a")
    return Case(how, "make_clip", ("--image", str(path), "--output", str(place.folder / "out.mp4")),
                output=place.folder / "out.mp4")  # fmt: skip


@malformed("image")
def calibration(place: Place) -> Case:
    folder = place.folder / "in"
    folder.mkdir()
    _, how = damaged_image(place, folder, "a", DAMAGED_FILES)
    arguments = ("--model", place.world.onnx, "--calibration", folder, "--output_path", place.output)
    return Case(f"calibration: {how}", "quantize", tuple(map(str, arguments)), output=place.output)


@malformed("image")
def inputs_of_a_device(place: Place) -> Case:
    folder = shutil.copytree(place.world.images, place.folder / "in")
    _, how = damaged_image(place, folder, "zz", DAMAGED_FILES)
    arguments = ("--input", folder, "--input_shape", "64,64", "--output", place.output)
    return Case(how, "image2npz", tuple(map(str, arguments)), (1,))


def broken_set(place: Place, part: str) -> tuple[Path, str]:
    """A data set of which one image, or alpha, cannot be used; and what is wrong with it."""
    root = shutil.copytree(place.world.dataset, place.folder / "set")
    folder = root / part / place.rng.choice(("blurred_image", "mask"))
    victim = sorted(folder.iterdir())[0]
    victim.unlink()
    if folder.name == "mask" and place.rng.random() < 0.6:
        return root, _unfit_alpha(place, folder / f"{victim.stem}.png")
    _, how = damaged_image(place, folder, victim.stem, DAMAGED_FILES)
    return root, f"{'alpha' if folder.name == 'mask' else 'image'}: {how}"


def _unfit_alpha(place: Place, path: Path) -> str:
    rng = np.random.default_rng(place.rng.randrange(2**32))
    kinds: dict[str, np.ndarray] = {
        "colours": rng.integers(0, 256, (80, 80, 3), np.uint8),
        "another size": np.full((7, 5), 255, np.uint8),
        "four channels": rng.integers(0, 256, (80, 80, 4), np.uint8),
    }
    kind = place.rng.choice(sorted(kinds))
    cv2.imwrite(str(path), kinds[kind])
    return f"alpha: {kind}"


@malformed("data set")
def scored_set(place: Place) -> Case:
    root, how = broken_set(place, "validation/P3M-500-P")
    arguments = ("--config", _placed(place, root), "--model", place.world.onnx, "--output_path", place.output)
    return Case(how, "eval", tuple(map(str, arguments)), output=place.output)


@malformed("data set")
def examined_set(place: Place) -> Case:
    root, how = broken_set(place, place.rng.choice(("train", "validation/P3M-500-P")))
    return Case(how, "check_dataset", (str(_placed(place, root)), "--workers", "1"))


@malformed("data set")
def recorded_set(place: Place) -> Case:
    root, how = broken_set(place, "train")
    arguments = (_placed(place, root), "--output", place.output, "--workers", 1, "--short_side", 64)
    return Case(how, "make_records", tuple(map(str, arguments)), (1, 2))


@malformed("data set")
def set_without_people(place: Place) -> Case:
    root, how = broken_set(place, "train")
    arguments = (_placed(place, root), "--output", place.output, "--workers", 1)
    return Case(how, "make_backgrounds", tuple(map(str, arguments)), (1, 2))


@malformed("data set")
def raw_set(place: Place) -> Case:
    root, how = broken_set(place, "validation/P3M-500-P")
    arguments = (root, "--config", _placed(place, root), "--output_path", place.output)
    return Case(how, "offline_prepare", tuple(map(str, arguments)), (1, 2))


@malformed("data set")
def unmatched(place: Place) -> Case:
    """Folders that do not belong together, or hold nothing."""
    root = shutil.copytree(place.world.dataset, place.folder / "set")
    folder = root / "train" / place.rng.choice(("blurred_image", "mask"))
    how = place.rng.choice(("empty", "file", "missing", "alone", "link"))
    if how == "alone":
        sorted(folder.iterdir())[0].unlink()
    else:
        shutil.rmtree(folder)
    if how == "empty":
        folder.mkdir()
    elif how == "file":
        folder.write_bytes(b"x")
    elif how == "link":
        folder.symlink_to("nowhere")
    program = place.rng.choice(("train", "check_dataset", "make_records", "make_backgrounds"))
    config = _placed(place, root)
    arguments = {
        "train": ("--config", config, "--output_path", place.output),
        "check_dataset": (config, "--workers", 1),
    }.get(program, (config, "--output", place.output, "--workers", 1))
    return Case(f"folder of images: {how}", program, tuple(map(str, arguments)), output=place.output)


def _placed(place: Place, root: Path) -> Path:
    """The configuration for another root of the data set."""
    path = place.folder / "set.yml"
    text = place.world.config.read_text(encoding="utf-8")
    path.write_text(text.replace(str(place.world.dataset), str(root)), encoding="utf-8")
    return path


@malformed("video")
def broken_video(place: Place) -> Case:
    path = place.folder / f"v{place.rng.choice(('.mp4', '.avi', '.mkv', '.mov'))}"
    damage = place.rng.choice((_empty, _garbage, _text, _folder, _dangling, None))
    if damage is None:
        cut(place, path, place.world.clip)
    else:
        damage(place, path)
    how = damage.__name__.strip("_") if damage else "cut"
    if damage is _folder:
        path = path / "none"
    expect = (1, 2)
    if place.rng.random() < 0.3:
        arguments = ("--model", place.world.onnx, "--input", place.world.photo, "--output", place.output,
                     "--background", path)  # fmt: skip
    else:
        arguments = ("--model", place.world.onnx, "--input", path, "--output", place.output)
    return Case(how, "infer", tuple(map(str, arguments)), expect, place.output)


@malformed("video")
def pipe_for_a_video(place: Place) -> Case:
    path = place.folder / place.rng.choice(("v.mp4", "a.png", "a.onnx"))
    os.mkfifo(path)
    model = path if path.suffix == ".onnx" else place.world.onnx
    given = place.world.photo if path.suffix == ".onnx" else path
    arguments = ("--model", model, "--input", given, "--output", place.output)
    return Case(f"a pipe that nobody writes into ({path.suffix})", "infer", tuple(map(str, arguments)), (1, 2),
                place.output)  # fmt: skip
