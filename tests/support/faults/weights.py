"""Damaged checkpoints and PyTorch files."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import mindspore as ms
import numpy as np
import torch

from src.checkpoint.file import Meta, save_checkpoint
from src.spec.preprocess import Preprocess
from tests.support.faults.case import Case, Place, malformed
from tests.support.faults.pictures import cut
from tests.support.narrow import narrow_spec, narrow_state

Damage = Callable[[Place, Path], None]


def _bytes_changed(place: Place, path: Path) -> None:
    data = bytearray(place.world.checkpoint.read_bytes())
    for _ in range(place.rng.randrange(1, 50)):
        data[place.rng.randrange(len(data))] = place.rng.randrange(256)
    path.write_bytes(bytes(data) + b"x")


def _cut(place: Place, path: Path) -> None:
    cut(place, path, place.world.checkpoint)


def empty(_place: Place, path: Path) -> None:
    path.write_bytes(b"")


def garbage(place: Place, path: Path) -> None:
    path.write_bytes(place.rng.randbytes(3000))


def folder(_place: Place, path: Path) -> None:
    path.mkdir()


def _dangling(_place: Place, path: Path) -> None:
    path.symlink_to("nowhere")


def pipe(_place: Place, path: Path) -> None:
    os.mkfifo(path)


def _saved(path: Path, state: dict[str, np.ndarray], spec: object = None) -> None:
    meta = Meta("modnet", "mobilenetv2", spec or narrow_spec(), Preprocess(ref_size=64))  # type: ignore[arg-type]
    save_checkpoint(path, {name: ms.Tensor(value) for name, value in state.items()}, meta)


def _not_a_number(place: Place, path: Path) -> None:
    state = narrow_state()
    name = place.rng.choice(sorted(state))
    state[name] = np.full_like(state[name], place.rng.choice((np.nan, np.inf, -np.inf)))
    _saved(path, state)


def _wrong_shape(place: Place, path: Path) -> None:
    state = narrow_state()
    name = place.rng.choice(sorted(state))
    state[name] = place.rng.choice((state[name].reshape(-1)[:1], state[name][None]))[None]
    _saved(path, state)


def _missing(place: Place, path: Path) -> None:
    state = narrow_state()
    del state[place.rng.choice(sorted(state))]
    _saved(path, state)


def _whole_numbers(place: Place, path: Path) -> None:
    state = narrow_state()
    name = place.rng.choice(sorted(state))
    state[name] = state[name].astype(np.int32)
    _saved(path, state)


def _foreign(_place: Place, path: Path) -> None:
    ms.save_checkpoint([{"name": "a", "data": ms.Tensor(np.ones(3, np.float32))}], str(path))


def _strange_description(place: Place, path: Path) -> None:
    text = Meta("modnet", "mobilenetv2", narrow_spec()).to_json()
    changes = (('"stem": 6', '"stem": -4'), ('"head": 16', '"head": "x"'), ('"spec": {', '"spec": ['),
               ('"epoch": 0', '"epoch": 1e99'), ('"modnet"', '"nobody"'), ("{", "{" * 9999))  # fmt: skip
    was, now = place.rng.choice(changes)
    entries = [{"name": name, "data": ms.Tensor(value)} for name, value in narrow_state().items()]
    ms.save_checkpoint(entries, str(path), append_dict={"modnet_meta": text.replace(was, now)}, crc_check=True)


CHECKPOINTS: tuple[Damage, ...] = (
    _bytes_changed, _cut, empty, garbage, folder, _dangling, pipe, _not_a_number, _wrong_shape, _missing,
    _whole_numbers, _foreign, _strange_description,
)  # fmt: skip


def readers(place: Place, path: Path) -> dict[str, tuple[object, ...]]:
    """Programs that open any network, with this one."""
    world, out = place.world, place.output
    return {
        "eval": ("--config", world.config, "--model", path, "--output_path", out),
        "infer": ("--model", path, "--input", world.photo, "--output", out),
        "quantize": ("--model", path, "--calibration", world.images, "--output_path", out),
        "benchmark": ("--models", path, "--shape", "64x64", "--rounds", 1, "--turn", 1),
        "image2npz": ("--model", path, "--input", world.images, "--output", out, "--input_shape", "64,64"),
        "offline_prepare": (world.dataset, "--model", path, "--output_path", out),
        "npz_infer": ("--model", path, "--datalist", _npz_list(place), "--output", out),
    }


def _npz_list(place: Place) -> Path:
    np.savez(place.folder / "a.npz", input=np.zeros((1, 3, 64, 64), np.float32))
    path = place.folder / "list.txt"
    path.write_text("a.npz\n", encoding="utf-8")
    return path


@malformed("checkpoint")
def broken_checkpoint(place: Place) -> Case:
    path, damage = place.folder / "b.ckpt", place.rng.choice(CHECKPOINTS)
    damage(place, path)
    out = place.output
    programs = readers(place, path) | {
        "export": ("--ckpt_path", path, "--output_path", out),
        "prune": ("--ckpt_path", path, "--output_path", out),
        "average": ("--ckpt_path", place.world.checkpoint, path, "--output", out),
        "widen": ("--ckpt_path", path, "--widen", "*=2", "--output", out),
        "train": ("--config", place.world.config, "--ckpt_path", path, "--output_path", out),
        "convert": ("--input", path, "--output", out),
    }
    program = place.rng.choice(sorted(programs))
    how = damage.__name__.strip("_").replace("_", " ")
    return Case(how, program, tuple(map(str, programs[program])), output=out)


broken_checkpoint_again = malformed("checkpoint")(broken_checkpoint)


@malformed("checkpoint")
def broken_training_state(place: Place) -> Case:
    """A state whose tensors have other shapes or types than the optimiser's, or are no numbers."""
    state = {f"optimizer/{part}.{name}": np.zeros_like(value) for name, value in narrow_state().items()
             for part in ("accum", "stat") if ".moving_" not in name}  # fmt: skip
    state |= {"optimizer/learning_rate": np.float32(0.01).reshape(()), "optimizer/global_step": np.zeros(1, np.int32)}
    state["optimizer/momentum"] = np.float32(0.9).reshape(())
    name = place.rng.choice(sorted(key for key in state if "accum" in key))
    how = place.rng.choice(("shape", "type", "NaN", "missing"))
    if how == "missing":
        del state[name]
    else:
        value = state[name]
        state[name] = {"shape": np.zeros(3, np.float32), "type": value.astype(np.int32), "NaN": value + np.nan}[how]
    path = place.folder / "run" / "ckpt" / "MODNet_last.ckpt"
    path.parent.mkdir(parents=True)
    order = {"seed": 2022, "pictures": 6, "step_pictures": 2, "optimizer": "sgd", "best_mse": 1.0}
    meta = Meta("modnet", "mobilenetv2", narrow_spec(), Preprocess(ref_size=64), 0, 1, train=order)
    save_checkpoint(path, {key: ms.Tensor(value) for key, value in narrow_state().items()}, meta,
                    {key: ms.Tensor(value) for key, value in state.items()})  # fmt: skip
    arguments = ("--config", place.world.config, "--resume", path.parent.parent, "--output_path", place.output)
    return Case(f"training state: {how}", "train", tuple(map(str, arguments)), output=place.output)


class _Code:
    """Would leave a file, if it were run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.path),)


@cache
def _official_state() -> dict[str, torch.Tensor]:
    from benchmarks.reference import golden

    return {name: torch.tensor(value) for name, value in golden.checkpoint("official").items()}


def _pth(place: Place, path: Path) -> str:
    """A PyTorch file that cannot be used; returns what is wrong with it."""
    state = dict(_official_state())
    name = place.rng.choice(sorted(key for key, value in state.items() if value.ndim > 1))
    how = place.rng.choice(("code", "shape", "NaN", "protocol 4 cut", "arrays", "a list", "cut", "zip of nothing",
                            "complex", "foreign", "legacy cut"))  # fmt: skip
    if how == "code":
        state["x"] = _Code(path.with_name("executed"))  # type: ignore[assignment]
    elif how == "shape":
        state[name] = torch.zeros(3)
    elif how == "NaN":
        state[name] = state[name] * float("nan")
    elif how == "complex":
        state[name] = state[name].to(torch.complex64)
    elif how == "foreign":
        state = {"layer.weight": torch.zeros(3)}
    content: object = [1, 2] if how == "a list" else state
    if how == "arrays":
        content = {"state_dict": {key: value.numpy() for key, value in list(state.items())[:3]}}
    if how == "zip of nothing":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("hello.txt", "hello")
        return how
    buffer = io.BytesIO()
    torch.save(content, buffer, pickle_protocol=4 if how == "protocol 4 cut" else 2,
               _use_new_zipfile_serialization=how != "legacy cut")  # fmt: skip
    data = buffer.getvalue()
    path.write_bytes(data[: len(data) // 2] if "cut" in how else data)
    return how


@malformed("PyTorch file")
def broken_pytorch_file(place: Place) -> Case:
    path, out = place.folder / place.rng.choice(("b.pth", "b.ckpt")), place.output
    how = _pth(place, path)
    programs: dict[str, tuple[object, ...]] = {
        "convert": ("--input", path, "--output", out),
        "prune": ("--ckpt_path", path, "--output_path", out),
        "export": ("--ckpt_path", path, "--output_path", out),
        "infer": ("--model", path, "--input", place.world.photo, "--output", out),
    }
    program = place.rng.choice(sorted(programs))
    return Case(how, program, tuple(map(str, programs[program])), output=out)


@malformed("PyTorch file")
def broken_prune_info(place: Place) -> Case:
    path, info = place.folder / "b.pth", place.folder / "b.json"
    torch.save(_official_state(), path)
    info.write_bytes(place.rng.choice((b"", b"[]", b"{}", b'{"new_cfg": "x"}', b"\xff", b"[" * 100_000,
                                       b'{"new_cfg": [1e99], "cfg": [NaN]}')))  # fmt: skip
    arguments = ("--input", str(path), "--output", str(place.output), "--prune_info", str(info))
    return Case("prune info", "convert", arguments, output=place.output)


def pickled(value: object) -> bytes:
    """As `np.load` must not read it."""
    return pickle.dumps(value)
