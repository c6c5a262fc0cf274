"""A release: trained checkpoints become files, files get scores, and the index says all of it."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..bench.report import table
from ..bench.results import Benchmark, Measurement
from ..common.errors import ConfigError, DeviceError
from ..common.files import claim_folder, make_folder, refuse_existing, whole_file
from ..common.log import logger
from ..config.config import load_config
from ..data.pairs import evaluation_pairs
from ..evaluation.comparison import score
from ..model_file.formats import known_formats
from ..model_file.releases import INDEX, ReleasedModel, find_model, is_released_name, read_releases, write_releases
from ..runtime.factory import open_predictor
from ..runtime.options import join_precision
from .options import Recipe, Request
from .products import PRODUCTS, build
from .table import HEAD, circumstances, table_rows, update_documents

_SCORES = ("mse", "mad", "iou")


def release(request: Request) -> str:
    """`make_release`, with the table in the request's documents; returns the table."""
    models = make_release(request)
    text = f"{table(HEAD, table_rows(models))}\n\n{circumstances(models)}"
    update_documents(request.documents, text)
    return text


def make_release(request: Request) -> list[ReleasedModel]:
    """Make, score and put in place what is asked for; returns all that is released now, in the index's order.

    New files reach `request.folder` only when all of them are made and scored, the index last.

    Raises:
        ConfigError: nothing is asked for, or the benchmark's result cannot be used.
        OutputError: a file was released before, and `overwrite` is off.
    """
    known = read_releases(request.folder)
    if not (request.checkpoints or known):
        raise ConfigError(
            f"{request.folder} has no {INDEX} yet: give trained checkpoints (--dense, --pruned, --mmnet)."
        )
    products = [PRODUCTS[key] for key in request.checkpoints]
    if not request.overwrite:
        targets = [request.folder / name for product in products for name in product.files]
        refuse_existing(*targets, cure="Add --overwrite to release a new one.")
    benchmark = Benchmark.load(request.benchmark) if request.benchmark else None
    work = claim_folder(request.work, ("models", "scores"))
    models: list[ReleasedModel] = []
    if request.recipe and products:
        models = _built(request, request.recipe, make_folder(work / "models"))
    if request.recipe:
        chosen, place = (models, work / "models") if products else (known, request.folder)
        models = list(_scored(chosen, place, request.recipe.config, make_folder(work / "scores")))
    merged = _merge(known, models)
    if benchmark:
        merged = [_timed(model, benchmark) for model in merged]
    if products:
        _put_in_place(models, work / "models", request.folder)
    write_releases(merged, request.folder)
    return merged


def _built(request: Request, recipe: Recipe, folder: Path) -> list[ReleasedModel]:
    """All files of the request's products, not scored yet."""
    found: list[ReleasedModel] = []
    for key, checkpoint in request.checkpoints.items():
        found += build(PRODUCTS[key], checkpoint, folder, recipe)
    return found


def _scored(models: Sequence[ReleasedModel], folder: Path, config: Path, output: Path) -> Iterable[ReleasedModel]:
    """With scores in f32, and in bf16 where runtime and device have it."""
    spec = load_config(config).dataset("val_dataset")
    pairs = evaluation_pairs(spec)

    def scores(model: ReleasedModel, precision: str) -> dict[str, float]:
        predictor, _ = open_predictor(folder / model.file, precision=precision)
        label = join_precision(model.file, precision)
        whole = score(label, predictor, output / label, pairs, spec).whole
        return {name: whole[name] for name in _SCORES}

    for model in models:
        exact, rounded = scores(model, "f32"), None
        try:
            rounded = scores(model, "bf16")
        except DeviceError as error:  # most have no bf16
            logger.info("%s has no scores in bf16: %s", model.file, error)
        dataset = Path(spec.dataset_root).name
        yield replace(model, scores=exact, bf16_scores=rounded, dataset=dataset, pictures=len(pairs))


def _merge(known: Sequence[ReleasedModel], new: Sequence[ReleasedModel]) -> list[ReleasedModel]:
    """New models take the places of those of the same file; the order is that of `PRODUCTS`, others come last."""
    models = {model.file: model for model in [*known, *new]}
    products = PRODUCTS.values()
    names = list(dict.fromkeys(n for p in products for n in (p.name, *(form.name for form in p.deployed))))
    return sorted(models.values(), key=lambda m: names.index(m.name) if m.name in names else len(names))


def _timed(model: ReleasedModel, benchmark: Benchmark) -> ReleasedModel:
    """With the benchmark's first time of this file in each runtime and precision; as it is where there is none."""
    rows = [row for row in benchmark.models if find_model(row.model).name == model.file and row.inference_ms]
    if not rows:
        logger.info("no time of %s in the benchmark", model.file)
    own = known_formats()[model.suffix].package
    for latency in (_latency(row, benchmark) for row in reversed(rows)):
        if latency["precision"] == "bf16":
            model = replace(model, bf16_latency=latency)
        elif latency["runtime"] == own:
            model = replace(model, latency=latency)
        else:
            model = replace(model, openvino_latency=latency)
    return model


def _latency(row: Measurement, benchmark: Benchmark) -> dict[str, Any]:
    form = known_formats()[find_model(row.model).suffix]
    return {
        "milliseconds": row.inference_ms,
        "threads": row.threads,
        "precision": row.precision,
        "shape": benchmark.settings["shape"],
        "cpu": benchmark.machine["cpu"],
        "runtime": form.opened_by(row.precision, is_released_name(row.model)),
    }


def _put_in_place(models: Sequence[ReleasedModel], source: Path, folder: Path) -> None:
    make_folder(folder)
    for model in models:
        for file in reversed(model.files):  # the one to open comes last
            with whole_file(folder / file.name) as temporary:
                shutil.copyfile(source / file.name, temporary)
            logger.info("-> %s", folder / file.name)
