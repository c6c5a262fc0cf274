"""One job of quantize.py under way: what its variants share, and how a finished file gets its name."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ..common.errors import ConfigError
from ..common.files import make_folder, refuse_existing, sha256_of
from ..common.log import logger
from ..config.config import Config, load_config
from ..evaluation.results import EvalResult
from ..runtime.options import join_precision
from .calibration import calibration_files, calibration_inputs
from .equalise import equalise
from .files import files_of, publish, stamp, variant_contract
from .manifest import ManifestEntry, describe
from .options import QuantizationJob, Variant
from .scoring import Scorer, Validation, short_scores
from .source import Source, open_source


@dataclass(frozen=True)
class Material:
    """What a job works with, looked for before any work.

    Attributes:
        config: None where the job names none.
        validation: labelled images to score; None where there are none.
    """

    config: Config | None
    validation: Validation | None

    @classmethod
    def of(cls, job: QuantizationJob) -> "Material":
        """Find the images of a job.

        Raises:
            ConfigError, DataError: there are none to calibrate with, or to score, though some are needed.
            DeviceError: a package that int8 needs is missing.
        """
        config = load_config(job.config) if job.config else None
        if _int8(job):
            calibration_files(job.calibration, config)
        for variant in job.backend:
            if variant.dtype == "int8":
                variant.backend.check_installed()
        validation = Validation.of(config, job.validation_size, job.calibration.folder)
        if job.max_mse_increase is not None and validation is None:
            place = job.config or f"no folder beside '{job.calibration.folder}' has alphas, and --config"
            raise ConfigError(f"`max_mse_increase` needs images to score; {place} has no `val_dataset`.")
        return cls(config, validation)


class Session:
    """What several variants of a job need; each is made once.

    Attributes:
        folder: of the finished files; `staging` lies on the same disk.
        source: the float model.
        scorer: None without labelled images.
    """

    def __init__(self, job: QuantizationJob, material: Material, folder: Path, staging: Path) -> None:
        self.job, self.folder, self.staging = job, folder, staging
        self.config = material.config
        if job.input_shape is None:  # else exporting chooses the name
            self._refuse_earlier(Path(job.model).stem)
        self.source = open_source(job, staging)
        self._refuse_earlier(self.source.name)
        self.scorer = Scorer(material.validation, self.source) if material.validation else None

    def _refuse_earlier(self, name: str) -> None:
        """Refuse to replace files of an earlier call; `name` as in `Source`."""
        if not self.job.overwrite:
            targets = [self.folder / _file_name(name, variant) for variant in self.job.backend]
            refuse_existing(*targets, cure="Give another --output_path, or --overwrite to replace it.")

    def check(self) -> None:
        """Open calibration images before any work, if they are needed."""
        if _int8(self.job):
            logger.info("calibration: %d images, inputs %s", len(self.inputs), list(self.inputs[0].shape))

    @cached_property
    def inputs(self) -> list[np.ndarray]:
        """Calibration inputs, all of one shape; see `calibration_inputs`."""
        return calibration_inputs(self.job.calibration, self.config, self.source.predictor)

    def int8_source(self, variant: Variant) -> tuple[Source, int]:
        """What an int8 variant is made from, and how many of its layers are equalised."""
        return self._equalised if variant.equalise else (self.source, 0)

    @cached_property
    def _equalised(self) -> tuple[Source, int]:
        model, layers = equalise(self.source.model, self.inputs)
        if not layers:
            return self.source, 0
        path = make_folder(self.staging / "equalised") / self.source.path.name
        onnx.save(model, path)
        return replace(self.source, model=model, path=path), len(layers)

    def calibration(self) -> dict[str, Any]:
        """What a note says of the calibration images."""
        choice, origin = self.job.calibration, None
        if self.config is not None and self.config.data.train_dataset is not None:
            origin = self.config.dataset("train_dataset").dataset_root
        return {"pictures": len(self.inputs), "seed": choice.seed, "shape": list(self.inputs[0].shape),
                "from": choice.folder or origin}  # fmt: skip

    def path(self, folder: Path, variant: Variant) -> Path:
        """Where a variant lies in a folder."""
        return folder / _file_name(self.source.name, variant)

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


def _int8(job: QuantizationJob) -> bool:
    """Whether a job needs calibration images."""
    return any(variant.dtype == "int8" for variant in job.backend)


def _file_name(name: str, variant: Variant) -> str:
    return f"{name}_{variant.label}{variant.backend.suffix}"
