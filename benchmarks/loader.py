"""Images per second and core of the training transforms, from files and from records, against the zoo's order.

python benchmarks/loader.py --json loader.json

Images are generated: 1080 x 1620 JPEGs and PNG alphas of the size of P3M-10k's. Each way of reading them runs in a
process of its own with one OpenCV thread, and all take turns; what counts is the processor time of the process.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.zoo_order import SIDE, zoo_sample
from src.bench.report import machine, show_machine, table, write_json
from src.bench.turns import in_turns
from src.common.cli import run_command
from src.common.malloc import keep_freed_memory
from src.common.paths import REPOSITORY
from src.config.config import load_config
from src.config.dataset import DatasetSpec
from src.data.builders.synthetic import portrait
from src.data.record_writer import Encoding, write_records
from src.data.samples import MattingSamples
from src.imaging import encode_jpeg, to_uint8, write_alpha, write_file

HEIGHT, WIDTH = 1080, 1620
JPEG_QUALITY = 92
GRAIN = 12.0  # deviation of the noise that brings a drawing's JPEG to the size of a photograph's
ZOO = "zoo's order"

Work = Callable[[int], Any]  # reads and transforms the image of a number


def make_images(root: Path, count: int) -> None:
    """Draw `count` portraits as image/N.jpg and mask/N.png."""
    for k in range(count):
        rng = np.random.default_rng(k)
        image, alpha = portrait(0, k, HEIGHT, WIDTH)
        noise = cv2.GaussianBlur(rng.normal(0, GRAIN, (HEIGHT, WIDTH, 1)).astype(np.float32), (0, 0), 0.8)
        image = to_uint8((image + noise[..., None]) / 255)
        write_file(root / "image" / f"{k}.jpg", encode_jpeg(image, JPEG_QUALITY))
        write_alpha(root / "mask" / f"{k}.png", alpha)


def plain(root: Path) -> Work:
    """imread of both files and a resize to a shorter side of 512."""

    def read(k: int) -> list[np.ndarray]:
        pixels = cv2.imread(str(root / "image" / f"{k}.jpg")), cv2.imread(str(root / "mask" / f"{k}.png"), 0)
        return [cv2.resize(array, (WIDTH * SIDE // HEIGHT, SIDE)) for array in pixels]

    return read


def zoo(root: Path, interpolation: int) -> Work:
    rng = np.random.default_rng(0)
    return lambda k: zoo_sample(
        str(root / "image" / f"{k}.jpg"), str(root / "mask" / f"{k}.png"), interpolation, rng
    )  # fmt: skip


def ours(spec: DatasetSpec) -> Work:
    """A training sample, in a process set up as the training's workers are."""
    keep_freed_memory()
    samples, rng = MattingSamples(spec, training=True), np.random.default_rng(0)
    return lambda k: samples.sample(k, rng)


def ways(root: Path, work: Path) -> dict[str, Callable[[], Work]]:
    """Every way of reading, by its name in the table."""
    transforms = load_config(REPOSITORY / "P3M.yml").dataset("train_dataset").transforms
    window = ({"type": "LoadImages"}, {"type": "RandomScaleCrop"})
    window += tuple(t for t in transforms if t["type"] in ("GenTrimap", "Normalize", "Transpose"))
    files = DatasetSpec(str(root), name="folder", transforms=transforms)
    records = {}
    for name, short_side in (("records, images as they are", None), (f"records, --short_side {SIDE}", SIDE)):
        folder = work / f"records-{short_side}"
        write_records(files, folder, Encoding(short_side, 95, False), shards=1, workers=1)
        records[name] = {"type": "MattingRecords", "dataset_root": str(folder)}
    sources = {"files": {}, **records}
    found = {
        "cv2.imread + cv2.resize": partial(plain, root),
        ZOO: partial(zoo, root, cv2.INTER_LINEAR),
        f"{ZOO} with the area resize it asks for": partial(zoo, root, cv2.INTER_AREA),
    }
    for title, steps in (("P3M.yml", transforms), ("RandomScaleCrop", window)):
        for source, keys in sources.items():
            spec = DatasetSpec(**{"dataset_root": str(root), "name": "folder", "transforms": steps, **keys})
            found[f"{title}: {source}"] = partial(ours, spec)
    return found


def serve(factory: Callable[[], Work], count: int, pipe: Connection) -> None:
    """In a process of its own: each message asks for one round; answers with the seconds of an image."""
    cv2.setNumThreads(1)
    work = factory()
    while pipe.recv():
        start = time.process_time()
        for k in range(count):
            work(k)
        pipe.send((time.process_time() - start) / count)


def measure(found: dict[str, Callable[[], Work]], count: int, rounds: int) -> dict[str, float]:
    """Median over the rounds of the processor seconds of an image; the first round does not count."""
    context = get_context("spawn")
    pipes: dict[str, Connection] = {}
    times: dict[str, list[float]] = {name: [] for name in found}
    for name, factory in found.items():
        pipes[name], end = context.Pipe()
        context.Process(target=serve, args=(factory, count, end), daemon=True).start()
    for name in in_turns(list(pipes), 1 + rounds):
        pipes[name].send(True)
        times[name].append(pipes[name].recv())
    for pipe in pipes.values():
        pipe.send(False)
    return {name: float(np.median(seconds[1:])) for name, seconds in times.items()}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", "--pictures", type=int, default=12, help="images a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds that count (%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    return parser.parse_args()


def main() -> None:
    arguments, facts = parse_arguments(), machine()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        make_images(root, arguments.images)
        sizes = {ending: np.mean([p.stat().st_size for p in root.glob(f"*/*.{ending}")]) for ending in ("jpg", "png")}
        seconds = measure(ways(root, Path(folder)), arguments.images, arguments.rounds)
    rows = [
        [name, f"{1e3 * s:.1f}", f"{1 / s:.0f}", f"{seconds[ZOO] / s:.2f}"] for name, s in seconds.items()
    ]  # fmt: skip
    print(
        f"{show_machine(facts)}, one thread; {arguments.images} images of "
        f"{WIDTH}x{HEIGHT}, JPEG {sizes['jpg'] / 1024:.0f} KiB and PNG {sizes['png'] / 1024:.0f} KiB on average; "
        f"median of {arguments.rounds} rounds\n"
    )
    print(table(["", "ms an image", "images/s and core", "times the zoo's"], rows))
    write_json(arguments.json, {"machine": facts, "file_bytes": sizes, "seconds": seconds})


if __name__ == "__main__":
    run_command(main)
