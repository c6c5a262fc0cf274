"""Damaged files between programs: npz, lists, raw files, manifests, reports."""

import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from src.evaluation.offline.bin_store import BinInputWriter
from src.evaluation.offline.prepare import MMNET_RECIPE, prepare
from src.evaluation.offline.store import Source
from tests.support.faults.case import Case, Place, malformed
from tests.support.faults.weights import pickled


def _npz(place: Place, path: Path, key: str, shape: tuple[int, ...]) -> str:
    good = io.BytesIO()
    np.savez(good, **{key: np.full(shape, 0.5, np.float32)})
    data = good.getvalue()
    arrays: dict[str, np.ndarray] = {
        "NaN": np.full(shape, np.nan, np.float32),
        "beyond 1": np.full(shape, 7, np.float32),
        "text": np.array(["x"] * 3),
        "no dimension": np.float32(0.5).reshape(()),
        "five dimensions": np.zeros((1, 1, 1, *shape[-2:]), np.float32),
        "empty": np.zeros((1, 1, 0, 0), np.float32),
        "complex": np.zeros(shape, np.complex64),
    }
    how = place.rng.choice([*sorted(arrays), "cut", "zero bytes", "other key", "huge header", "pickle", "garbage"])
    if how in arrays:
        np.savez(path, **{key: arrays[how]})
    elif how == "other key":
        np.savez(path, another=np.zeros(3))
    elif how == "pickle":
        np.savez(path, **{key: np.array([{"a": 1}], object)})
    elif how == "huge header":
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, {10**7}, {10**7}), }}".encode()
        header = header.ljust(117) + b"\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{key}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    else:
        path.write_bytes({"cut": data[: len(data) // 2], "zero bytes": b"", "garbage": pickled([1, 2])}[how])
    return how


@malformed("npz and raw files")
def npz_input(place: Place) -> Case:
    how = _npz(place, place.folder / "a.npz", "input", (1, 3, 64, 64))
    listed = place.folder / "list.txt"
    listed.write_text("a.npz\n", encoding="utf-8")
    arguments = ("--model", place.world.onnx, "--datalist", listed, "--output", place.output)
    expect = (2, 0) if how == "beyond 1" else (2,)  # network inputs are not in [0, 1]
    return Case(f"input: {how}", "npz_infer", tuple(map(str, arguments)), expect, place.output)


@malformed("npz and raw files")
def npz_output(place: Place) -> Case:
    folder = place.folder / "results"
    folder.mkdir()
    names = sorted(path.stem for path in place.world.alphas.iterdir())
    how = ""
    for name in names:
        if how:
            np.savez(folder / f"{name}.npz", output=np.full((1, 1, 64, 64), 0.5, np.float32))
        else:
            how = _npz(place, folder / f"{name}.npz", "output", (1, 1, 64, 64))
    arguments = ("--results", folder, "--alpha", place.world.alphas, "--output_path", place.output)
    expect = (0, 2) if how == "five dimensions" else (2,)  # where all but two are 1, it is a matte
    return Case(f"output: {how}", "npz_eval", tuple(map(str, arguments)), expect, place.output)


@malformed("npz and raw files")
def datalist(place: Place) -> Case:
    path = place.folder / "list.txt"
    lists: dict[str, bytes] = {
        "empty": b"", "absent files": b"nowhere.npz\n", "long line": b"a" * 5000 + b"\n", "not UTF-8": b"\xff\xfe\n",
        "NUL": b"a\x00b.npz\n", "itself": b"list.txt\n", "folder": b".\n", "above": b"../../../../etc/passwd\n",
    }  # fmt: skip
    how = place.rng.choice(sorted(lists))
    path.write_bytes(lists[how])
    arguments = ("--model", place.world.onnx, "--datalist", path, "--output", place.output)
    return Case(f"list: {how}", "npz_infer", tuple(map(str, arguments)), output=place.output)


def _bins(place: Place) -> Path:
    folder = place.folder / "bins"
    sources = [Source(path.stem, path, place.world.alphas / f"{path.stem}.png")
               for path in sorted(place.world.images.iterdir())]  # fmt: skip
    prepare(sources, MMNET_RECIPE, BinInputWriter(folder, "set", MMNET_RECIPE))
    return folder


@malformed("npz and raw files")
def raw_files(place: Place) -> Case:
    folder = _bins(place)
    what = place.rng.choice(("manifest.json", "images", "masks", "output"))
    results = folder / "output"
    results.mkdir(exist_ok=True)
    for path in (folder / "images").iterdir():
        (results / path.name).write_bytes(np.full((256, 256), 0.5, np.float32).tobytes())
    victim = folder / what if what == "manifest.json" else sorted((folder / what).iterdir())[0]
    how = _damage(place, victim)
    if what == "images":
        arguments: tuple[object, ...] = ("--model", place.world.onnx, "--bins", folder, "--output_path", place.output)
        return Case(f"{what}: {how}", "offline_infer", tuple(map(str, arguments)), output=place.output)
    return Case(f"{what}: {how}", "offline_evaluate", ("--bins", str(folder)), output=results / "eval.json")


def _damage(place: Place, path: Path) -> str:
    if path.suffix == ".json":
        values = json.loads(path.read_text(encoding="utf-8"))
        entry = dict(values["entries"][0])
        texts: dict[str, str] = {
            "not JSON": "{", "a list": "[]", "null": "null", "deep": "[" * 100_000,
            "version": json.dumps(values | {"version": 99}), "dtype": json.dumps(values | {"dtype": "float64"}),
            "no images": json.dumps(values | {"entries": []}),
            "negative size": json.dumps(values | {"entries": [entry | {"mask_size": [-1, 5]}]}),
            "huge size": json.dumps(values | {"entries": [entry | {"mask_size": [10**12, 10**12]}]}),
            "a path": json.dumps(values | {"entries": [entry | {"name": "../../x"}]}),
        }  # fmt: skip
        how = place.rng.choice(sorted(texts))
        path.write_text(texts[how], encoding="utf-8")
        return how
    how = place.rng.choice(("cut", "empty", "longer", "gone", "folder", "NaN"))
    size = path.stat().st_size
    if how in ("gone", "folder"):
        path.unlink()
        if how == "folder":
            path.mkdir()
    else:
        data = {"cut": path.read_bytes()[: size // 2 + 1], "empty": b"", "longer": path.read_bytes() + b"\0" * 4,
                "NaN": np.full(size // 4, np.nan, np.float32).tobytes()}[how]  # fmt: skip
        path.write_bytes(data)
    return how


@malformed("reports")
def report(place: Place) -> Case:
    path = place.folder / "r.json"
    texts: dict[str, bytes] = {
        "empty": b"", "a list": b"[]", "null": b"null", "deep": b"[" * 100_000, "not UTF-8": b"\xff\xfe",
        "other keys": b'{"a": 1}', "NaN": b'{"models": NaN, "results": [{"model": NaN}]}', "text": b'"x"',
        "numbers": b'{"models": [1], "results": [2]}',
    }  # fmt: skip
    how = place.rng.choice(sorted(texts))
    path.write_bytes(texts[how])
    results = place.folder / "results"
    results.mkdir()
    shutil.copyfile(path, results / "eval.json")
    programs: dict[str, tuple[object, ...]] = {
        "benchmark": ("--models", place.world.onnx, "--compare", path, "--shape", "64x64", "--rounds", 1, "--turn", 1),
        "prune_table": (path, "--output", place.output),
        "worst": ("--config", place.world.config, "--results", results, "--output", place.folder / "out"),
        "quantize": ("--build", path),
    }
    program = place.rng.choice(sorted(programs))
    return Case(f"{program}: {how}", program, tuple(map(str, programs[program])), output=place.output)


Writer = Callable[[Place, Path], str]
