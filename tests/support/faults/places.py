"""Inputs and outputs at places that are none, and names that are unusual and right."""

import os
import shutil
from pathlib import Path

from tests.support.faults.case import Case, Place, malformed


def writers(place: Place, out: Path) -> dict[str, tuple[object, ...]]:
    """Programs that would write to `out` at once: a folder, or a file where they write one."""
    world = place.world
    return {
        "infer": ("--model", world.onnx, "--input", world.images, "--output", out),
        "export": ("--ckpt_path", world.checkpoint, "--output_path", out),
        "eval": ("--config", world.config, "--model", world.onnx, "--output_path", out),
        "quantize": ("--model", world.onnx, "--dtype", "fp16", "--output_path", out),
        "image2npz": ("--input", world.images, "--input_shape", "64,64", "--output", out),
        "offline_prepare": (world.dataset, "--config", world.config, "--output_path", out),
        "make_records": (world.config, "--output", out, "--workers", 1, "--short_side", 64),
        "make_backgrounds": (world.config, "--output", out, "--workers", 1),
        "make_synthetic": ("--output", out, "--train", 1, "--validation", 1, "--size", 64, "--workers", 1),
        "prune": ("--ckpt_path", world.checkpoint, "--output_path", out),
        "train": ("--config", world.config, "--output_path", out),
        "average": ("--ckpt_path", world.checkpoint, world.checkpoint, "--output", out / "a.ckpt"),
        "widen": ("--ckpt_path", world.checkpoint, "--widen", "f_branch*=2", "--output", out / "w.ckpt"),
        "make_clip": ("--image", world.photo, "--output", out / "c.mp4", "--frames", 3, "--size", 64),
    }


@malformed("full disk")
def full_disk(place: Place) -> Case:
    """Nothing but small files fits; what does not is told, and no half file stays."""
    programs = writers(place, place.output)
    programs = {name: programs[name] for name in programs if name not in SMALL and name != "train"}
    program = place.rng.choice(sorted(programs))
    most = place.rng.choice((600, 1500, 2500))
    expect = (0, 1, 2) if program in ("infer", "eval", "make_backgrounds") else (1, 2)  # whose files may be as small
    return Case(f"files of {most} bytes", program, tuple(map(str, programs[program])), expect, disk=most)


@malformed("output")
def no_place(place: Place) -> Case:
    """A file, a dangling link, a device or another's file system where a folder is expected."""
    how = place.rng.choice(("file", "below a file", "link", "/dev/full", "/proc/none", "long name", "loop", "device"))
    folder = place.folder
    (folder / "file").write_bytes(b"x")
    (folder / "link").symlink_to("/nowhere/at/all")
    (folder / "loop").symlink_to("loop")
    out = {
        "file": folder / "file", "below a file": folder / "file" / "x", "link": folder / "link",
        "/dev/full": Path("/dev/full"), "/proc/none": Path("/proc/none"), "long name": folder / ("n" * 300),
        "loop": folder / "loop", "device": Path("/dev/null/x"),
    }[how]  # fmt: skip
    programs = writers(place, out)
    program = place.rng.choice(sorted(programs))
    return Case(f"output: {how}", program, tuple(map(str, programs[program])))


SMALL = ("make_synthetic",)


@malformed("output")
def below_nothing(place: Place) -> Case:
    """Inputs that are folders where files are expected, and the other way round."""
    world, out, empty = place.world, place.output, place.folder / "empty"
    empty.mkdir()
    programs: list[tuple[object, ...]] = [
        ("infer", "--model", world.onnx, "--input", empty, "--output", out),
        ("infer", "--model", empty, "--input", world.photo, "--output", out),
        ("export", "--ckpt_path", empty, "--output_path", out),
        ("quantize", "--model", world.onnx, "--calibration", empty, "--output_path", out),
        ("quantize", "--model", world.onnx, "--calibration", world.photo, "--output_path", out),
        ("image2npz", "--input", empty, "--input_shape", "64,64", "--output", out),
        ("image2npz", "--input", world.photo, "--input_shape", "64,64", "--output", out),
        ("npz_infer", "--model", world.onnx, "--datalist", empty, "--output", out),
        ("npz_eval", "--results", empty, "--alpha", world.alphas, "--output_path", out),
        ("npz_eval", "--results", world.photo, "--alpha", world.alphas, "--output_path", out),
        ("offline_prepare", empty, "--output_path", out),
        ("offline_infer", "--model", world.onnx, "--bins", empty, "--output_path", out),
        ("train", "--config", empty, "--output_path", out),
        ("train", "--config", world.config, "--ckpt_path", empty, "--output_path", out),
        ("train", "--config", world.config, "--resume", empty, "--output_path", out),
        ("prepare_ccp", "--source", empty, "--output", out, "--workers", 1),
        ("prepare_ccp", "--source", world.photo, "--output", out, "--workers", 1),
        ("worst", "--config", world.config, "--results", empty, "--output", place.folder / "out"),
        ("make_clip", "--image", empty, "--output", out),
        ("convert", "--input", empty, "--output", out),
        ("prune_table", empty, "--output", out),
        ("average", "--ckpt_path", empty, "--output", out),
        ("check_dataset", empty),
        ("eval", "--config", world.config, "--model", empty, "--output_path", out),
    ]
    program, *arguments = place.rng.choice(programs)
    given = "file" if world.photo in arguments else "empty folder"
    return Case(f"input: {given}", str(program), tuple(map(str, arguments)), output=out)


NAMES = ("a b", "new\nline", "\udcff\udcfe", "人像 抠图", "-dash", "quote'\"", "perc%s{0}", "émoji🙂", "a,b=c", "#x")


@malformed("names")
def unusual_name(place: Place) -> Case:
    """Unusual, but a name: the program does its work."""
    world, name = place.world, place.rng.choice(NAMES)
    folder = place.folder / name
    folder.mkdir()
    photo, ckpt, onnx = folder / f"{name}.jpg", folder / f"{name}.ckpt", folder / f"{name}.onnx"
    shutil.copyfile(world.photo, photo)
    shutil.copyfile(world.checkpoint, ckpt)
    shutil.copyfile(world.onnx, onnx)
    out = folder / "out put"
    made = folder / f"{name} out.ckpt"
    programs: dict[str, tuple[tuple[object, ...], Path]] = {
        "infer": (("--model", onnx, "--input", photo, "--output", out), out / f"{name}.png"),
        "average": (("--ckpt_path", ckpt, ckpt, "--output", made), made),
        "widen": (("--ckpt_path", ckpt, "--widen", "f_branch*=2", "--output", made), made),
        "make_clip": (("--image", photo, "--output", folder / f"{name}.mp4", "--frames", 3, "--size", 64),
                      folder / f"{name}.mp4"),
        "image2npz": (("--input", folder, "--input_shape", "64,64", "--output", out), out / f"{name}.npz"),
        "prune": (("--ckpt_path", ckpt, "--output_path", out), out / "pruned.ckpt"),
        "eval": (("--config", _config(place, folder), "--model", onnx, "--output_path", out), out / "eval.json"),
    }  # fmt: skip
    program = place.rng.choice(sorted(programs))
    arguments, left = programs[program]
    # Native code that takes no such name may refuse it, in words.
    expect = (0, 2) if os.fsencode(name).startswith(b"\xff") or "\n" in name else (0,)
    return Case(ascii(name), program, tuple(map(str, arguments)), expect, None, (left,))


def _config(place: Place, folder: Path) -> Path:
    path = folder / "c.yml"
    shutil.copyfile(place.world.config, path)
    return path
