"""Score mattes of any predictor on any data set: reading, network, and scoring with writing overlap."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..common.malloc import keep_freed_memory
from ..common.threads import helpers as all_helpers
from ..common.threads import ordered
from ..data.pairs import Pair
from ..imaging import AlphaChannels, read_unknown, size_of, to_matte, write_alpha
from ..metrics.matte import MatteScores, mean_scores, score_regions, transition_band
from ..metrics.mmnet import mmnet_scores
from ..runtime.base import Predictor, one_image_at_a_time, prepare_file
from ..spec.preprocess import Preprocess
from .results import EvalResult


@dataclass(frozen=True)
class ImageScores:
    """Scores of one image: whole, in the transition band, and (of MMNet alone) by MMNet's own measures."""

    name: str
    whole: MatteScores
    band: MatteScores
    mmnet: dict[str, float]


def evaluate(
    predictor: Predictor,
    pairs: Iterable[Pair],
    model: str,
    dataset: str,
    output: Path | None = None,
    allow_rgb: AlphaChannels = False,
    on_image: Callable[[ImageScores], None] | None = None,
) -> EvalResult:
    """Run `predictor` on full images and score the mattes at the images' own size.

    Args:
        predictor: The network.
        pairs: Images with their true alphas.
        model: What the result calls the network.
        dataset: What the result calls the images.
        output: Folder for `<name>.png` mattes (8-bit grey, source size); None writes none.
        allow_rgb: As in `src.imaging.read_alpha`.
        on_image: Called in order as each image is scored.

    Raises:
        ModelError: the model takes several images at once only.
        DataError: an image or its alpha cannot be used, or there is none.
        OutputError: a matte cannot be written.
    """
    one_image_at_a_time(predictor, model)
    keep_freed_memory()
    start = time.perf_counter()
    network_seconds: list[float] = []
    results: list[ImageScores] = []
    for scores in _scored(predictor, pairs, output, allow_rgb, network_seconds):
        results.append(scores)
        if on_image:
            on_image(scores)
    return summarize(results, model, dataset, time.perf_counter() - start, sum(network_seconds))


@dataclass(frozen=True)
class _LoadedImage:
    """An image ready for the network: its input `x` as `Predictor.prepare` makes it, and the true alpha [H, W].

    `band`: as in `score_output`.
    """

    name: str
    x: np.ndarray
    alpha: np.ndarray
    band: np.ndarray | None


def _scored(
    predictor: Predictor, pairs: Iterable[Pair], output: Path | None, allow_rgb: AlphaChannels, seconds: list[float]
) -> Iterator[ImageScores]:
    """Scores in the order of `pairs`; what the network takes for each image is appended to `seconds`."""

    def run(image: _LoadedImage) -> tuple[_LoadedImage, np.ndarray]:
        began = time.perf_counter()
        matte = predictor.run(image.x)
        seconds.append(time.perf_counter() - began)
        return image, matte

    def score(matted: tuple[_LoadedImage, np.ndarray]) -> ImageScores:
        image, matte = matted
        return score_output(image.name, matte, image.alpha, predictor.preprocess, output, image.band)

    threads = _helpers(predictor)
    with _executor(threads) as readers, _executor(threads) as scorers:
        images = ordered(readers, partial(_read, predictor, allow_rgb), pairs, 1 + threads)
        yield from ordered(scorers, score, map(run, images), 1 + threads)


def _read(predictor: Predictor, allow_rgb: AlphaChannels, pair: Pair) -> _LoadedImage:
    image, alpha = pair.read(allow_rgb)
    band = None if pair.trimap is None else read_unknown(pair.trimap, size_of(alpha))
    return _LoadedImage(pair.name, prepare_file(predictor.prepare, image, pair.image), alpha, band)


def score_output(
    name: str,
    output: np.ndarray,
    alpha: np.ndarray,
    preprocess: Preprocess | None,
    folder: Path | None = None,
    band: np.ndarray | None = None,
) -> ImageScores:
    """Score what a network said, at the size of the true alpha.

    Args:
        name: Of the image.
        output: Float [1, 1, h, w] or [h, w] in [0, 1].
        alpha: True alpha, float32 [H, W] in [0, 1].
        preprocess: How the input was made, where that is known. MMNet's own measures rest on one size for all images:
            they are given where it says so, and nowhere else.
        folder: Where the matte is written as `<name>.png`; None writes none.
        band: bool [H, W], the pixels that are scored as the transition band; None takes it of the true alpha.
    """
    band = transition_band(alpha) if band is None else band
    matte = to_matte(output, *alpha.shape)
    if folder is not None:
        write_alpha(folder / f"{name}.png", matte)
    whole, in_band = score_regions(matte, alpha, [None, band])
    of_mmnet = preprocess is not None and preprocess.fixed_size is not None
    return ImageScores(name, whole, in_band, mmnet_scores(output, alpha) if of_mmnet else {})


def summarize(
    results: list[ImageScores], model: str, dataset: str, seconds: float, network_seconds: float
) -> EvalResult:
    """Mean scores of images; for the arguments see `EvalResult`. DataError where there is no image."""
    return EvalResult(
        model=model,
        dataset=dataset,
        pictures=len(results),
        whole=asdict(mean_scores([r.whole for r in results])),
        band=asdict(mean_scores([r.band for r in results])),
        per_picture=[asdict(r) for r in results],
        seconds=seconds,
        network_seconds=network_seconds,
        mmnet={name: float(np.mean([r.mmnet[name] for r in results])) for name in results[0].mmnet},
    )


def _helpers(predictor: Predictor) -> int:
    """Threads that read, and as many that score, while the network works.

    None beside a network that keeps both of two cores busy: its threads would wait for the one that lost its core.
    """
    cores = os.cpu_count() or 1
    return 0 if predictor.on_cpu and cores <= 2 else all_helpers()


class _InTurn(Executor):
    """Does everything when it is submitted."""

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        future: Future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _executor(threads: int) -> Executor:
    return ThreadPoolExecutor(threads) if threads else _InTurn()
