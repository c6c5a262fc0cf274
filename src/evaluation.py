"""Score mattes of any predictor on any data set: reading, network, and scoring with writing overlap."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from src.dataset import Pair
from src.errors import DataError
from src.imaging import read_alpha, read_image, write_alpha
from src.metrics import MatteScores, mean_scores, score_regions, transition_band
from src.results import EvalResult
from src.runtime.base import Predictor

READ_AHEAD = 2  # pictures read while the network works; more only costs memory


@dataclass(frozen=True)
class PictureScores:
    """Scores of one picture: whole and in the transition band."""

    name: str
    whole: MatteScores
    band: MatteScores


def read_pair(pair: Pair, allow_rgb: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Picture uint8 RGB [H, W, 3] and true alpha float32 [H, W]; DataError where their sizes differ."""
    image, alpha = read_image(pair.image), read_alpha(pair.alpha, allow_rgb)
    if image.shape[:2] != alpha.shape:
        raise DataError(
            f"Picture and alpha differ in size: {pair.image} is {image.shape[1]}x{image.shape[0]}, {pair.alpha} is "
            f"{alpha.shape[1]}x{alpha.shape[0]}. Resize or remove one; data/check_dataset.py lists all such pairs."
        )
    return image, alpha


def evaluate(
    predictor: Predictor,
    pairs: Iterable[Pair],
    model: str,
    dataset: str,
    output: Path | None = None,
    allow_rgb: bool = False,
    on_picture: Callable[[PictureScores], None] | None = None,
) -> EvalResult:
    """Run `predictor` on full pictures and score the mattes at the pictures' own size.

    Args:
        output: folder for `<name>.png` mattes (8-bit grey, source size); None writes none.
        on_picture: called in order as each picture is scored.
    """
    start, network_seconds, results = time.perf_counter(), 0.0, []
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as scorer:
        pending: list[Future] = []

        def collect(future: Future) -> None:
            results.append(future.result())
            if on_picture:
                on_picture(results[-1])

        for pair, image, alpha in _read_ahead(reader, pairs, allow_rgb):
            began = time.perf_counter()
            matte = predictor.predict(image)
            network_seconds += time.perf_counter() - began
            pending.append(scorer.submit(_score_and_write, pair.name, matte, alpha, output))
            if len(pending) > READ_AHEAD:
                collect(pending.pop(0))
        for future in pending:
            collect(future)
    return EvalResult(
        model=model,
        dataset=dataset,
        pictures=len(results),
        whole=asdict(mean_scores([r.whole for r in results])),
        band=asdict(mean_scores([r.band for r in results])),
        per_picture=[asdict(r) for r in results],
        seconds=time.perf_counter() - start,
        network_seconds=network_seconds,
    )


def _read_ahead(
    reader: ThreadPoolExecutor, pairs: Iterable[Pair], allow_rgb: bool
) -> Iterator[tuple[Pair, np.ndarray, np.ndarray]]:
    queue: list[tuple[Pair, Future]] = []
    waiting = iter(pairs)
    while True:
        while len(queue) < READ_AHEAD and (pair := next(waiting, None)) is not None:
            queue.append((pair, reader.submit(read_pair, pair, allow_rgb)))
        if not queue:
            return
        pair, future = queue.pop(0)
        image, alpha = future.result()
        yield pair, image, alpha


def _score_and_write(name: str, matte: np.ndarray, alpha: np.ndarray, output: Path | None) -> PictureScores:
    if output is not None:
        write_alpha(output / f"{name}.png", matte)
    whole, band = score_regions(matte, alpha, [None, transition_band(alpha)])
    return PictureScores(name, whole, band)
