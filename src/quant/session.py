"""One job of quantize.py under way: what its variants share, and how a finished file gets its name."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import ConfigError
from ..common.files import refuse_existing, sha256_of
from ..common.log import logger
from ..config.config import load_config
from ..evaluation.results import EvalResult
from ..runtime.options import join_precision
from .calibration import calibration_inputs
from .files import files_of, publish, stamp, variant_contract
from .manifest import ManifestEntry, describe
from .options import QuantizationJob, Variant
from .scoring import Scorer, Validation, short_scores
from .source import open_source


class Session:
    """What several variants of a job need; each is made once.

    Attributes:
        folder: of the finished files; `staging` lies on the same disk.
        source: the float model.
        scorer: None without validation images.
    """

    def __init__(self, job: QuantizationJob, folder: Path, staging: Path) -> None:
        self.job, self.folder, self.staging = job, folder, staging
        self.config = load_config(job.config) if job.config else None
        validation = Validation.of(self.config, job.validation_size)
        if job.max_mse_increase is not None and validation is None:
            raise ConfigError(f"`max_mse_increase` needs images to score; {job.config} has no `val_dataset`.")
        self.source = open_source(job, staging)
        self.scorer = Scorer(validation, self.source) if validation else None

    def check(self) -> None:
        """Refuse earlier files before any work, and open calibration images if they are needed."""
        if not self.job.overwrite:
            targets = [self.path(self.folder, variant) for variant in self.job.backend]
            refuse_existing(*targets, cure="Give another --output_path, or --overwrite to replace it.")
        if any(variant.dtype == "int8" for variant in self.job.backend):
            logger.info("calibration: %d images, inputs %s", len(self.inputs), list(self.inputs[0].shape))

    @cached_property
    def inputs(self) -> list[np.ndarray]:
        """Calibration inputs, all of one shape; see `calibration_inputs`."""
        return calibration_inputs(self.job.calibration, self.config, self.source.predictor)

    def calibration(self) -> dict[str, Any]:
        """What a note says of the calibration images."""
        choice, origin = self.job.calibration, None
        if self.config is not None and self.config.data.train_dataset is not None:
            origin = self.config.dataset("train_dataset").dataset_root
        return {"pictures": len(self.inputs), "seed": choice.seed, "shape": list(self.inputs[0].shape),
                "from": choice.folder or origin}  # fmt: skip

    def path(self, folder: Path, variant: Variant) -> Path:
        """Where a variant lies in a folder."""
        return folder / f"{self.source.name}_{variant.label}{variant.backend.suffix}"

    def publish(self, staged: Path, variant: Variant, note: dict[str, Any], result: EvalResult | None) -> Path:
        """Put note and scores into a finished file and give it its name."""
        stamp(staged, variant_contract(self.source, note, short_scores(result)))
        target = self.path(self.folder, variant)
        publish(staged, target)
        logger.info("%s: %.2f MB", target, sum(part.stat().st_size for part in files_of(target)) / 1e6)
        return target

    def entry(self, path: Path, variant: Variant, note: dict[str, Any], result: EvalResult | None) -> ManifestEntry:
        """The manifest's row of a published file."""
        source = {"model": self.source.path.name, "sha256": sha256_of(self.source.path)}
        return ManifestEntry(
            model=join_precision(path.name, variant.precision),
            files=[describe(part) for part in reversed(files_of(path))],
            dtype=variant.dtype,
            backend=variant.type,
            note=note,
            source=source | {"checkpoint": self.source.contract.source},
            scores=short_scores(result),
            source_scores=short_scores(self.scorer.reference) if self.scorer and result else {},
        )
