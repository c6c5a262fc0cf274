"""What quantize.py calls: from a float model to its variants, measured, with a manifest."""

import json
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import ConfigError, DeviceError
from ..common.files import make_folder, refuse_existing, sha256_of, write_text
from ..common.log import logger
from ..common.text import nearest
from ..config.config import load_config
from ..evaluation.results import EvalResult
from ..runtime.options import join_precision
from .budget import FloatLayerSearch, Outcome, Score
from .calibration import calibration_inputs
from .files import files_of, publish, stamp, variant_contract
from .float16 import write_fp16
from .manifest import ManifestEntry, add_to_manifest, describe
from .noise import signal_to_noise
from .onnx_int8 import OnnxInt8
from .openvino_int8 import OpenVinoInt8
from .options import BACKENDS, QuantizationJob, Variant
from .scoring import Validation, log_scores, short_scores
from .source import open_source

_INT8 = {"openvino": OpenVinoInt8, "onnxruntime": OnnxInt8}
_PROBED = 4  # calibration images for the layers' signal-to-noise ratio


def quantise(job: QuantizationJob) -> int:
    """Make all variants of a job.

    Returns:
        How many could not be made because no choice of float layers keeps the accuracy budget; they leave a report
        and no model.

    Raises:
        MattingError: for whatever the user can fix; then no variant, or those before the faulty one, are there.
    """
    folder = make_folder(job.output)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".quantise") as staging:
        run = _Run(job, folder, Path(staging))
        run.check()
        entries = [entry for variant in job.backend if (entry := run.make(variant))]
        if entries:
            logger.info("-> %s", add_to_manifest(folder, entries))
    return len(job.backend) - len(entries)


class _Run:
    """One job under way; what several variants need is made once."""

    def __init__(self, job: QuantizationJob, folder: Path, staging: Path) -> None:
        self.job, self.folder, self.staging = job, folder, staging
        self.config = load_config(job.config) if job.config else None
        self.validation = Validation.of(self.config, job.validation_size)
        if job.max_mse_increase is not None and self.validation is None:
            raise ConfigError(f"`max_mse_increase` needs images to score; {job.config} has no `val_dataset`.")
        self.source = open_source(job, staging)
        self.halves: dict[str, tuple[Path, dict[str, Any], EvalResult | None]] = {}

    def check(self) -> None:
        """Refuse earlier files before any work, and open calibration images if they are needed."""
        if not self.job.overwrite:
            targets = [self._path(self.folder, variant) for variant in self.job.backend]
            refuse_existing(*targets, cure="Give another --output_path, or --overwrite to replace it.")
        if any(variant.dtype == "int8" for variant in self.job.backend):
            logger.info("calibration: %d images, inputs %s", len(self.inputs), list(self.inputs[0].shape))

    @cached_property
    def inputs(self) -> list[np.ndarray]:
        return calibration_inputs(self.job.calibration, self.config, self.source.predictor)

    @cached_property
    def reference(self) -> EvalResult | None:
        """Scores of the float model."""
        if self.validation is None:
            return None
        result = self.validation.score(self.source.path)
        log_scores(result, result)
        return result

    def make(self, variant: Variant) -> ManifestEntry | None:
        """Write one variant; None where it does not keep the budget."""
        if variant.dtype != "int8":
            return self._make_float(variant)
        backend = _INT8[variant.type](self.source, variant, self.inputs)
        for layer in variant.keep_float:
            if layer not in backend.layers:
                raise ConfigError(f"`keep_float`: the network has no layer `{layer}`.{nearest(layer, backend.layers)}")
        return self._make_int8(variant, backend)

    def _make_float(self, variant: Variant) -> ManifestEntry:
        path, note, result = self._half(variant.type)
        if variant.dtype == "bf16":
            result = self._score(path, variant.precision)
        return self._entry(path, variant, note, result)

    def _half(self, backend: str) -> tuple[Path, dict[str, Any], EvalResult | None]:
        """The fp16 file, which bf16 shares, its note and its scores; written once."""
        if backend not in self.halves:
            variant = Variant("fp16", backend)
            staged = self._path(self.staging, variant)
            write_fp16(self.source, self.source.contract, staged)
            result, note = self._score(staged), {"dtype": "fp16", **self._deviation(staged)}
            self.halves[backend] = self._publish(staged, variant, note, result), note, result
        return self.halves[backend]

    def _deviation(self, path: Path) -> dict[str, Any]:
        """What a file's note says of its mattes' distance from the float model's; empty without images."""
        if self.validation is None:
            return {}
        found = self.validation.deviation(path, self.source.predictor)
        logger.info("%s: alpha differs from %s by at most %.3f, %.6f in the mean, on %d images", path.name,
                    self.source.path.name, found["alpha_max"], found["alpha_mean"], found["pictures"])  # fmt: skip
        return {"deviation": found}

    def _score(self, path: Path, precision: str = "f32") -> EvalResult | None:
        if self.validation is None:
            return None
        try:
            result = self.validation.score(path, precision)
        except DeviceError as error:  # a file for another CPU than this one
            logger.warning("%s is not scored: %s", path.name, error)
            return None
        log_scores(result, self.reference)
        return result

    def _make_int8(self, variant: Variant, backend: OpenVinoInt8 | OnnxInt8) -> ManifestEntry | None:
        trials: dict[tuple[str, ...], tuple[Path, EvalResult | None]] = {}

        def build(keep: tuple[str, ...]) -> EvalResult | None:
            path = self._path(Path(tempfile.mkdtemp(dir=self.staging)), variant)
            backend.write(path, self.source.contract, keep)
            trials[keep] = path, self.validation and self.validation.score(path)
            return trials[keep][1]

        outcome = self._search(variant, backend, build)
        keep = outcome.chosen.keep_float if outcome else variant.keep_float
        if outcome and not outcome.met:
            return None
        if outcome is None and (result := build(keep)):
            log_scores(result, self.reference)
        staged, result = trials[keep]
        note = {"dtype": "int8", **backend.note, "calibration": self._calibration(), "float_layers": list(keep),
                **self._deviation(staged)}  # fmt: skip
        return self._entry(self._publish(staged, variant, note, result), variant, note, result)

    def _search(self, variant: Variant, backend: OpenVinoInt8 | OnnxInt8, build: Any) -> Outcome | None:
        """Find the layers to keep in float and report on it; None where there is no budget."""
        most = self.job.max_mse_increase
        if most is None:
            return None
        search = FloatLayerSearch(lambda keep: _errors(build(keep)), _errors(self.reference), most)
        outcome = search.run(lambda: self._snr(backend), variant.keep_float)
        model = self._path(self.folder, variant)
        report = model.with_name(f"{model.name}.json")
        facts = {"model": model.name, "max_mse_increase": most, "source_scores": short_scores(self.reference)}
        write_text(report, json.dumps(facts | outcome.to_dict(), indent=1))
        kept = f"{len(outcome.chosen.keep_float)} of {len(backend.layers)} layers in float"
        result = f"{100 * outcome.chosen.mse_increase:+.1f}% MSE with {kept}"
        if outcome.met:
            logger.info("%s: %s; %s says why", model.name, result, report)
        else:
            logger.error(
                "%s: no choice of float layers keeps the MSE increase within %.1f%%. The nearest is %s. No model was "
                "written; %s says what was tried. Allow more, calibrate with more images, or take fp16.",
                *(model.name, 100 * most, result, report),
            )
        return outcome

    def _snr(self, backend: OpenVinoInt8 | OnnxInt8) -> dict[str, float]:
        found = signal_to_noise(self.source.model, self.inputs[:_PROBED])
        return {layer: found[layer] for layer in backend.layers if layer in found}

    def _calibration(self) -> dict[str, Any]:
        choice, origin = self.job.calibration, self.config and self.config.train_dataset
        return {"pictures": len(self.inputs), "seed": choice.seed, "shape": list(self.inputs[0].shape),
                "from": choice.folder or origin.dataset_root}  # fmt: skip

    def _path(self, folder: Path, variant: Variant) -> Path:
        return folder / f"{self.source.name}_{variant.label}{BACKENDS[variant.type]}"

    def _publish(self, staged: Path, variant: Variant, note: dict[str, Any], result: EvalResult | None) -> Path:
        """Put note and scores into a finished file and give it its name."""
        stamp(staged, variant_contract(self.source, note, _scores(result)))
        target = self._path(self.folder, variant)
        publish(staged, target)
        logger.info("%s: %.2f MB", target, sum(part.stat().st_size for part in files_of(target)) / 1e6)
        return target

    def _entry(self, path: Path, variant: Variant, note: dict[str, Any], result: EvalResult | None) -> ManifestEntry:
        source = {"model": self.source.path.name, "sha256": sha256_of(self.source.path)}
        return ManifestEntry(
            model=join_precision(path.name, variant.precision),
            files=[describe(part) for part in reversed(files_of(path))],
            dtype=variant.dtype,
            backend=variant.type,
            note=note,
            source=source | {"checkpoint": self.source.contract.source},
            scores=_scores(result),
            source_scores=_scores(self.reference) if result else {},
        )


def _scores(result: EvalResult | None) -> dict[str, float]:
    return short_scores(result) if result else {}


def _errors(result: EvalResult) -> Score:
    return Score(result.whole["mse"], result.band["mse"])
