"""Scores and drawings of npz results (see `npz_route.py`), the same as `evaluate` gives a predictor."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...common.errors import DataError
from ...common.malloc import keep_freed_memory
from ...common.progress import progress
from ...common.text import first_few, natural_order
from ...common.threads import helpers, ordered
from ...data.pairs import Pair
from ...imaging import matte_sheet, read_alpha, to_matte, write_png
from ..results import EvalResult
from ..score import ImageScores, score_output, summarize
from .npz_route import OUTPUT, read_npz, refuse_twice

# Quantised outputs may lie a step outside [0, 1]; anything further is another scale or no alpha.
_SLACK = 0.02


@dataclass(frozen=True)
class Truth:
    """True alphas by image name, with the images where they are at hand.

    Attributes:
        images: empty, or of the same names as `alphas`.
        allow_rgb: as in `src.imaging.read_alpha`.
        source: where they are from, for messages and results.
    """

    alphas: dict[str, Path]
    pictures: dict[str, Path]
    allow_rgb: bool
    source: str

    @classmethod
    def of_pairs(cls, pairs: list[Pair], allow_rgb: bool, source: str) -> "Truth":
        refuse_twice(pair.name for pair in pairs)
        return cls({p.name: p.alpha for p in pairs}, {p.name: p.image for p in pairs}, allow_rgb, source)

    def read(self, name: str) -> tuple[np.ndarray | None, np.ndarray]:
        """Image uint8 RGB [H, W, 3] (None: not at hand) and alpha float32 [H, W]."""
        if name in self.pictures:
            return Pair(name, self.pictures[name], self.alphas[name]).read(self.allow_rgb)
        return None, read_alpha(self.alphas[name], self.allow_rgb)


def score_results(results: Path, truth: Truth, draw: Path | None = None) -> EvalResult:
    """Score `<name>.npz` of every image at the image's own size, as `src.evaluation.score.evaluate` does.

    Args:
        results: folder of npz files whose `output` is [1, 1, h, w], [1, h, w] or [h, w] in [0, 1].
        draw: folder for `<name>.png` (input, truth, matte, composite side by side); needs `truth.pictures`.

    Raises:
        DataError: results and alphas are not of the same images, or a file cannot be used.
    """
    keep_freed_memory()
    start, scores, names = time.perf_counter(), [], _matched(results, truth)
    with progress(len(names), "image") as bar, ThreadPoolExecutor(helpers()) as pool:
        for one in ordered(pool, partial(_score, results, truth, draw), names, helpers()):
            scores.append(one)
            bar.step()
    seconds = time.perf_counter() - start
    return summarize(scores, str(results), truth.source, seconds, network_seconds=float("nan"))  # it ran elsewhere


def _matched(results: Path, truth: Truth) -> list[str]:
    names = {path.stem for path in results.glob("*.npz")}
    for lonely, text in (
        (truth.alphas.keys() - names, f"images of {truth.source} have no npz in {results}"),
        (names - truth.alphas.keys(), f"npz files of {results} have no alpha in {truth.source}"),
    ):
        if lonely:
            raise DataError(f"{len(lonely)} {text}: {first_few(natural_order(lonely))}. Add them or remove these.")
    return natural_order(names)


def _score(results: Path, truth: Truth, draw: Path | None, name: str) -> ImageScores:
    image, alpha = truth.read(name)
    output = read_output(results / f"{name}.npz")
    if draw:
        write_png(draw / f"{name}.png", matte_sheet([(image, alpha, to_matte(output, *alpha.shape))]))
    return score_output(name, output, alpha, fixed_size=False)


def read_output(path: Path) -> np.ndarray:
    """A network's `output` [..., h, w] with all sides before them 1; DataError for another shape, type or range."""
    output = read_npz(path, OUTPUT)
    picture = output.size > 0 and output.ndim >= 2 and set(output.shape[:-2]) <= {1}
    if not picture or not np.issubdtype(output.dtype, np.floating):
        raise DataError(f"'{OUTPUT}' of {path} is {output.dtype} {list(output.shape)}, not a float matte [1, 1, h, w].")
    low, high = (float(edge) for edge in (output.min(initial=0), output.max(initial=0)))
    if not (low >= -_SLACK and high <= 1 + _SLACK):
        raise DataError(f"'{OUTPUT}' of {path} holds values from {low} to {high}, a matte lies in [0, 1].")
    return output
