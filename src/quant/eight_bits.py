"""The int8 variants, with the layers in float that were asked for or that a budget needs."""

import json
import tempfile
from pathlib import Path
from typing import Any

from ..common.errors import ConfigError
from ..common.files import write_text
from ..common.log import logger
from ..common.text import nearest
from ..evaluation.results import EvalResult
from .budget import FloatLayerSearch, Outcome, Score
from .manifest import ManifestEntry
from .noise import signal_to_noise
from .options import Variant
from .registry import Int8
from .scoring import Scorer, log_scores, short_scores, warn_of_loss
from .session import Session
from .source import Source

_PROBED = 4  # calibration images for the layers' signal-to-noise ratio


def make_int8(session: Session, variant: Variant) -> ManifestEntry | None:
    """Write one int8 variant; None where it does not keep the budget."""
    source, equalised = session.int8_source(variant)
    int8 = variant.backend.int8(source, variant, session.inputs)
    for layer in variant.keep_float:
        if layer not in int8.layers:
            raise ConfigError(f"`keep_float`: the network has no layer `{layer}`.{nearest(layer, int8.layers)}")
    trials = Trials(session, variant, int8, source)
    keep, most = variant.keep_float, session.job.max_mse_increase
    if session.scorer and most is not None:
        outcome = _search(session, trials, session.scorer, most)
        if not outcome.met:
            return None
        keep = outcome.chosen.keep_float
    elif session.scorer:
        log_scores(trials.score(session.scorer, keep), session.scorer.reference)
        warn_of_loss(trials.score(session.scorer, keep), session.scorer.reference)
    staged, result = trials.path(keep), trials.results.get(keep)
    note: dict[str, Any] = {"dtype": "int8", **int8.note, "equalised": equalised,
                            "calibration": session.calibration(), "float_layers": list(keep)}  # fmt: skip
    if session.scorer:
        note |= session.scorer.note(staged)
    return session.entry(session.publish(staged, variant, note, result), variant, note, result)


class Trials:
    """Files of one int8 variant with different layers in float; each is written and scored once.

    `source` is the float model that `int8` writes them from.
    """

    def __init__(self, session: Session, variant: Variant, int8: Int8, source: Source) -> None:
        self.session, self.variant, self.int8, self.source = session, variant, int8, source
        self.paths: dict[tuple[str, ...], Path] = {}
        self.results: dict[tuple[str, ...], EvalResult] = {}

    def path(self, keep: tuple[str, ...]) -> Path:
        """The file with these layers in float."""
        if keep not in self.paths:
            path = self.session.path(Path(tempfile.mkdtemp(dir=self.session.staging)), self.variant)
            self.int8.write(path, self.session.source.contract, keep)
            self.paths[keep] = path
        return self.paths[keep]

    def score(self, scorer: Scorer, keep: tuple[str, ...]) -> EvalResult:
        """The scores of that file."""
        if keep not in self.results:
            self.results[keep] = scorer.validation.score(self.path(keep))
        return self.results[keep]

    def snr(self) -> dict[str, float]:
        """The layers' signal-to-noise ratios, dB."""
        found = signal_to_noise(self.source.model, self.session.inputs[:_PROBED])
        return {layer: found[layer] for layer in self.int8.layers if layer in found}


def _search(session: Session, trials: Trials, scorer: Scorer, most: float) -> Outcome:
    """Find the layers to keep in float and report on it."""
    reference, minutes = _errors(scorer.reference), session.job.max_minutes
    search = FloatLayerSearch(lambda keep: _errors(trials.score(scorer, keep)), reference, most, 60 * minutes)
    outcome = search.run(trials.snr, trials.variant.keep_float)
    model = session.path(session.folder, trials.variant)
    report = model.with_name(f"{model.name}.json")
    facts = {"model": model.name, "max_mse_increase": most, "source_scores": short_scores(scorer.reference)}
    write_text(report, json.dumps(facts | outcome.to_dict(), indent=1))
    kept = f"{len(outcome.chosen.keep_float)} of {len(trials.int8.layers)} layers in float"
    result = f"{100 * outcome.chosen.mse_increase:+.1f}% MSE with {kept}"
    if outcome.met:
        logger.info("%s: %s; %s says why", model.name, result, report)
        if 2 * len(outcome.chosen.keep_float) > len(trials.int8.layers):
            logger.warning("%s: most layers are in float; fp16 or bf16 may serve you better.", model.name)
    else:
        logger.error(
            "%s: no choice of float layers keeps the MSE increase within %.1f%%%s. The nearest is %s. No model was "
            "written; %s says what was tried. Allow more, calibrate with more images, or take fp16.",
            *(model.name, 100 * most, _of_those_tried(outcome, minutes), result, report),
        )
    return outcome


def _of_those_tried(outcome: Outcome, minutes: float) -> str:
    tried = f" ({len(outcome.trials)} were tried in {minutes:g} minutes; --max_minutes allows more)"
    return "" if outcome.in_time else tried


def _errors(result: EvalResult) -> Score:
    return Score(result.whole["mse"], result.band["mse"])
