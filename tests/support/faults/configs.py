"""Broken YAML, values of wrong types, and options that do not go together."""

from pathlib import Path
from typing import Any

import yaml

from src.config.config import options
from tests.support.faults.case import Case, Place, malformed

BROKEN: dict[str, bytes] = {
    "not closed": b"train_dataset: {name: P3M-10k",
    "a tab": b"train_dataset:\n\tname: folder\n",
    "a list": b"- 1\n- 2\n",
    "a number": b"42\n",
    "nothing": b"",
    "not UTF-8": b"lr: \xff\xfe\x00\n",
    "NUL": b"lr: 0.1\x00\n",
    "twice": b"lr: 0.1\nlr: 0.2\n",
    "object": b"lr: !!python/object/apply:os.system ['touch hacked']\n",
    "alias bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)) + b"lr: *j\n",
    "deep": b"lr: " + b"[" * 3000 + b"]" * 3000 + b"\n",
    "itself": b"lr: &a [*a]\n",
    "a date": b"lr: 2026-01-01\n",
    "unknown anchor": b"lr: *nobody\n",
    "key is a list": b"? [1, 2]\n: 3\n",
    "numbers as keys": b"1: 2\n",
    "many documents": b"lr: 1\n---\nlr: 2\n",
}  # fmt: skip
_GIVEN = ("train_dataset", "val_dataset", "output_path")
STRANGE: tuple[Any, ...] = (
    -1, 10**30, -(10**30), float("nan"), float("inf"), [], {}, [1], {"a": 1}, "", "x", "\x00", True, "9" * 5000, 1e-320,
)  # fmt: skip


def reader(place: Place, config: Path) -> Case:
    """A program that reads the configuration and should refuse it."""
    program = place.rng.choice(("train", "eval", "check_dataset", "make_records", "make_backgrounds", "prune",
                                "quantize", "image2npz", "worst"))  # fmt: skip
    world, out = place.world, place.output
    arguments: dict[str, tuple[Any, ...]] = {
        "train": ("--config", config, "--output_path", out),
        "eval": ("--config", config, "--model", world.onnx, "--output_path", out),
        "check_dataset": (config, "--workers", 1),
        "make_records": (config, "--output", out, "--workers", 1),
        "make_backgrounds": (config, "--output", out, "--workers", 1),
        "prune": ("--config", config, "--ckpt_path", world.checkpoint, "--output_path", out),
        "quantize": ("--config", config, "--model", world.onnx, "--output_path", out),
        "image2npz": ("--config", config, "--input_shape", "64,64", "--output", out),
        "worst": ("--config", config, "--results", world.images, "--output", place.folder / "out"),
    }
    return Case("", program, tuple(map(str, arguments[program])), output=out)


def titled(case: Case, title: str) -> Case:
    """The case under another title."""
    return Case(**{**vars(case), "title": title})


@malformed("YAML")
def broken_text(place: Place) -> Case:
    how = place.rng.choice(sorted(BROKEN))
    path = place.folder / "broken.yml"
    path.write_bytes(BROKEN[how])
    return titled(reader(place, path), how)


@malformed("YAML")
def strange_value(place: Place) -> Case:
    """A key of the top level gets a value that it cannot mean, in training, whose every key is checked."""
    values = yaml.safe_load(place.world.config.read_text(encoding="utf-8"))
    checked = [one for one in options().values() if one.type != "str | None" and one.type != str | None]
    key = place.rng.choice(sorted(one.name for one in checked if one.name not in _GIVEN))
    value = place.rng.choice([v for v in STRANGE if not _may_mean(key, v)])
    path = place.folder / "strange.yml"
    path.write_text(yaml.safe_dump(values | {key: value}), encoding="utf-8")
    case = Case("", "train", ("--config", str(path), "--output_path", str(place.output)), output=place.output)
    return titled(case, f"{key}: {str(value)[:20]!a}")


def _may_mean(key: str, value: Any) -> bool:
    """Whether such a value of the key can be right: numbers that are large or tiny, texts that name a file."""
    one = options()[key]
    default = one.default
    if isinstance(value, bool):
        return isinstance(default, bool) or key == "backbone_pretrained"
    if isinstance(value, float):
        return value == 1e-320 and (isinstance(default, float) or key in ("lr", "bn_momentum"))
    if isinstance(value, int):
        return value > 0 and not isinstance(default, int)  # a large fraction
    return isinstance(value, str) and key in ("output_path", "backbone_pretrained")


@malformed("YAML")
def strange_section(place: Place) -> Case:
    """The same inside of a data set's section, or in one of its transforms."""
    values = yaml.safe_load(place.world.config.read_text(encoding="utf-8"))
    section = values["train_dataset"]
    value = place.rng.choice([v for v in STRANGE if v != 1e-320])
    if place.rng.random() < 0.5:
        key = place.rng.choice(("name", "dataset_root", "img_subpath", "alpha_subpath", "batch_size", "transforms"))
        section[key] = value
    else:
        key, transform = "transforms", place.rng.choice(section["transforms"])
        inner = place.rng.choice(sorted(transform))
        transform[inner], key = value, f"{transform['type']}.{inner}"
    path = place.folder / "section.yml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    program = place.rng.choice(("train", "check_dataset"))
    arguments = {"train": ("--config", path, "--output_path", place.output), "check_dataset": (path, "--workers", 1)}
    return Case(f"{key}: {str(value)[:20]!a}", program, tuple(map(str, arguments[program])), output=place.output)


TOGETHER: tuple[tuple[str, ...], ...] = (
    ("train", "--amp_level", "O9"), ("train", "--network", "mmnet", "--soc"), ("train", "--teacher", "absent.ckpt"),
    ("train", "--device_target", "GPU"), ("train", "--crop_size", "64"), ("train", "--batch_size", "1000"),
    ("train", "--optimizer", "adamww"), ("train", "--resume", "nowhere"), ("train", "--sync_bn", "True"),
    ("train", "--encoder", "resnet"),
    ("train", "--device_id", "-1"), ("train", "--lambda_kd_loss", "x"), ("train", "--distribute", "maybe"),
    ("eval", "--max_mse_increase", "10%"), ("eval", "--model", "nowhere.onnx"), ("eval", "--model", "modnet-x"),
    ("eval", "--ckpt_path", ""), ("eval", "--model", "{onnx}@int3"), ("eval", "--trimap", "nowhere"),
    ("prune", "--strategy", "budget"), ("prune", "--strategy", "nobody"), ("prune", "--ratio", "1.5"),
    ("prune", "--target", "macs=0"), ("prune", "--importance", "taylor", "--calibration", "nowhere"),
    ("prune", "--norm", "ib", "--compatible"), ("prune", "--min_channels", "0"), ("prune", "--target", "weight=1"),
)  # fmt: skip


@malformed("options")
def combination(place: Place) -> Case:
    program, *rest = place.rng.choice(TOGETHER)
    world = place.world
    given = [text.format(onnx=world.onnx) for text in rest]
    if program == "prune":
        given = ["--ckpt_path", str(world.checkpoint), *given]
    arguments = ("--config", str(world.config), "--output_path", str(place.output), *given)
    return Case(" ".join(rest), program, arguments, output=place.output)


OTHERS: tuple[tuple[str, ...], ...] = (
    ("export", "--ckpt_path", "{ckpt}", "--output_path", "{out}", "--file_format", "TFLITE"),
    ("export", "--ckpt_path", "{ckpt}", "--output_path", "{out}", "--input_shape", "1,3,33,64"),
    ("export", "--ckpt_path", "{ckpt}", "--output_path", "{out}", "--input_shape", "1,3,-5,64"),
    ("export", "--ckpt_path", "{ckpt}", "--output_path", "{out}", "--input_shape", "1,4,64,64"),
    ("export", "--ckpt_path", "{ckpt}", "--output_path", "{out}", "--file_format", "OBS", "--layout", "NHWC"),
    ("export", "--ckpt_path", "{onnx}", "--output_path", "{out}"),
    ("quantize", "--model", "{onnx}", "--output_path", "{out}", "--dtype", "int4"),
    ("quantize", "--model", "{onnx}", "--output_path", "{out}", "--dtype", "int8"),
    ("quantize", "--model", "{xml}", "--output_path", "{out}"),
    ("quantize", "--model", "{onnx}", "--output_path", "{out}", "--dtype", "fp16", "--method", "kl"),
    ("quantize", "--model", "{onnx}", "--output_path", "{out}", "--calibration", "{images}", "--keep_float", "nobody"),
    ("quantize", "--build", "{ckpt}"),
    ("infer", "--model", "{onnx}", "--input", "", "--output", "{out}"),
    ("infer", "--model", "", "--input", "{photo}", "--output", "{out}"),
    ("infer", "--model", "{onnx}", "--input", "{photo}", "--output", "{out}", "--outputs", "composite"),
    ("infer", "--model", "{onnx}", "--input", "{photo}", "--output", "{out}", "--background", "mauveish"),
    ("infer", "--model", "{onnx}", "--input", "{photo}", "--output", "{out}", "--mean", "nan", "0", "0"),
    ("infer", "--model", "{onnx}", "--input", "{photo}", "--output", "{out}", "--device", "NPU7"),
    ("infer", "--model", "modnet-p-int9", "--input", "{photo}", "--output", "{out}"),
    ("infer", "--model", "{photo}", "--input", "{photo}", "--output", "{out}"),
    ("benchmark", "--models", "{onnx}", "--compare", "nowhere.json"),
    ("benchmark", "--models", "nowhere.onnx"),
    ("benchmark", "--models", "{onnx}", "--shape", "33xx"),
    ("benchmark", "--models", "{onnx}", "--max_slowdown", "5%"),
    ("average", "--ckpt_path", "{ckpt}", "{ckpt}", "--shares", "0", "0", "--output", "{out}"),
    ("average", "--ckpt_path", "{ckpt}", "--shares", "1", "2", "--output", "{out}"),
    ("widen", "--ckpt_path", "{ckpt}", "--widen", "nothing=2", "--output", "{out}"),
    ("widen", "--ckpt_path", "{ckpt}", "--widen", "*=nan", "--output", "{out}"),
    ("widen", "--ckpt_path", "{ckpt}", "--widen", "*", "--output", "{out}"),
    ("convert", "--input", "nowhere.pth", "--output", "{out}"),
    ("convert", "--input", "{ckpt}", "--output", "{out}"),
    ("npz_eval", "--results", "{images}", "--alpha", "{alphas}"),
    ("npz_eval", "--results", "{images}", "--alpha", "{alphas}", "--draw_dir", "{out}"),
    ("npz_infer", "--model", "{onnx}", "--datalist", "nowhere", "--output", "{out}"),
    ("offline_infer", "--model", "{onnx}", "--bins", "{images}"),
    ("offline_evaluate", "--bins", "{images}"),
    ("offline_prepare", "{images}", "--output_path", "{out}"),
    ("prune_table", "{config}", "--output", "{out}"),
    ("make_clip", "--image", "{photo}", "--alpha", "{other}", "--output", "{out}"),
    ("make_clip", "--image", "{photo}", "--output", "{out}", "--size", "7"),
    ("prepare_ccp", "--source", "{images}", "--output", "{out}", "--workers", "1"),
    ("worst", "--config", "{config}", "--results", "{images}", "--output", "{out}"),
    ("train_release", "nowhere", "{out}"),
    ("prune_and_retrain", "{out}", "nowhere.yml", "{ckpt}", "0"),
    ("release", "--nothing",),
    ("launch", "0", "0"), ("launch", "2", "0"), ("launch", "x", "y"),
    ("mmnet", "train", "--write", "{out}"), ("modnet", "trian"), ("check_dataset", "nowhere.yml"),
    ("image2npz", "--input", "{images}", "--input_shape", "1,2", "--output", "{out}"),
)  # fmt: skip


@malformed("options")
def refused_options(place: Place) -> Case:
    world = place.world
    names = {"ckpt": world.checkpoint, "onnx": world.onnx, "xml": world.xml, "out": place.output, "photo": world.photo,
             "images": world.images, "alphas": world.alphas, "config": world.config,
             "other": next(world.alphas.iterdir())}  # fmt: skip
    program, *rest = place.rng.choice(OTHERS)
    arguments = tuple(text.format(**names) for text in rest)
    return Case(" ".join(rest), program, arguments, output=place.output)


refused_options_again = malformed("options")(refused_options)
