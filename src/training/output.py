"""What a run leaves: log, records, checkpoints, validation. One process of a run writes, the others do nothing."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from mindspore import nn

from ..checkpoint.file import Meta, save_checkpoint, weights_of
from ..common.errors import TrainingError
from ..common.log import logger, setup_logging
from ..config.config import Config
from ..models.build import build_network
from ..runtime.mindspore_runtime import MindSporePredictor
from .inputs import Inputs
from .length import Length
from .network import Start
from .objective import Step
from .run_folder import RunFolder
from .run_records import Meter, RunRecords, StepLine
from .validation import draw_sheet, validate

Scores = dict[str, float]


class Output(Protocol):
    """What the training loop tells of itself; `done` counts the run's steps."""

    root: str

    def log(self, done: int, rate: float, meter: Meter) -> None:
        """Say how the steps since the last line went; `rate` is the last one's learning rate."""

    def validate(self, done: int) -> Scores:
        """Score the network as it is now."""

    def keep(self, done: int, scores: Scores | None = None) -> None:
        """Save a checkpoint that stays until newer ones push it out."""

    def save_last(self, done: int, scores: Scores | None = None) -> None:
        """Save the checkpoint that a resumed run goes on from."""

    def save_in_time(self, done: int) -> None:
        """`save_last`, where the last one is too long ago."""

    def end_epoch(self, done: int) -> None:
        """Validate and save what the configuration asks for at the end of an epoch."""

    def close(self) -> None:
        """The run has finished."""


class NoOutput:
    """The output of a process that writes nothing."""

    def __init__(self, config: Config) -> None:
        self.root = config.run.output_path

    def log(self, done: int, rate: float, meter: Meter) -> None:
        """Nothing."""

    def validate(self, done: int) -> Scores:
        """Nothing."""
        return {}

    def keep(self, done: int, scores: Scores | None = None) -> None:
        """Nothing."""

    def save_last(self, done: int, scores: Scores | None = None) -> None:
        """Nothing."""

    def save_in_time(self, done: int) -> None:
        """Nothing."""

    def end_epoch(self, done: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class RunOutput:
    """The output of the process that writes.

    Attributes:
        root: the run's folder.
        best: lowest validation MSE so far.
    """

    def __init__(
        self, config: Config, inputs: Inputs, start: Start, step: Step, length: Length, order: Mapping[str, Any]
    ) -> None:
        """Make or reopen the run's folder; `order` is what a resumed run must share with this one."""
        self.config, self.inputs, self.start, self.step = config, inputs, start, step
        self.length, self.order = length, dict(order)
        resumed = start.resumed
        self.best: float = resumed.meta.train.get("best_mse", np.inf) if resumed else np.inf
        self._twin: nn.Cell | None = None
        self._saved_at = time.monotonic()
        self.folder, earlier = self._open_folder()
        self.root = str(self.folder.root)
        setup_logging(self.folder.log)
        config.replaced(resume=None).save(self.folder.config)
        metrics = earlier and earlier / self.folder.metrics.name
        self.records = RunRecords(step.objective.names, self.folder, start.steps_done, metrics)
        if resumed:
            if earlier:
                self.folder.adopt_best(resumed.path.parent)
            logger.info("resumed at step %d from %s", start.steps_done, resumed.path)
        logger.info("configuration: %s", self.folder.config)

    def _open_folder(self) -> tuple[RunFolder, Path | None]:
        """The run's folder, and the folder of the run that is resumed where that is another one."""
        output, title, resumed = Path(self.config.run.output_path), self.start.spec.title, self.start.resumed
        earlier = resumed.path.parent.parent if resumed else None
        if earlier and earlier.resolve() == output.resolve():
            return RunFolder(output, title), None
        return RunFolder.create(output, title), earlier

    def log(self, done: int, rate: float, meter: Meter) -> None:
        """A line in the log, and a row in the records."""
        epoch, iteration = (done - 1) // self.length.steps + 1, (done - 1) % self.length.steps + 1
        means = self.records.step_line(StepLine(epoch, iteration, done, rate), self.length, meter)
        self.records.record(done, {"epoch": epoch, "lr": rate} | means)

    def end_epoch(self, done: int) -> None:
        """Validate, save and draw as often as the configuration says; the last epoch is always validated."""
        run, epoch = self.config.run, done // self.length.steps
        due = run.val_interval and (epoch % run.val_interval == 0 or epoch == self.length.epochs)
        scores = self.validate(done) if due else {}
        self.save_last(done, scores)
        if run.ckpt_save_interval and epoch % run.ckpt_save_interval == 0:
            self.keep(done, scores)
        self.records.draw_curve(self.folder.curve)

    def validate(self, done: int) -> Scores:
        """Score and draw the network with the weights that are saved; keeps the best ones."""
        spec, epoch, pairs = self.config.dataset("val_dataset"), done // self.length.steps, self.inputs.validation
        network = self._network_to_score()
        predictor = MindSporePredictor(network, self.inputs.preprocess)
        result = validate(predictor, pairs, f"epoch {epoch}", spec.dataset_root, spec.alpha_channels)
        page = draw_sheet(predictor, pairs, self.folder.sheet(epoch), spec.alpha_channels)
        scores = {"mse": result.whole["mse"], "mad": result.whole["mad"]}
        if scores["mse"] < self.best:
            self.best = scores["mse"]
            save_checkpoint(self.folder.best, weights_of(network), self._meta(done, scores))
        logger.info("[EVAL] epoch=%d, MSE: %.6f, MAD: %.6f (%d images, %.1f s), best MSE: %.6f",
                    epoch, scores["mse"], scores["mad"], result.pictures, result.seconds, self.best)  # fmt: skip
        self.records.record(done, {"epoch": epoch, "val_mse": scores["mse"], "val_mad": scores["mad"]})
        self.records.image(done, page)
        return scores

    def _network_to_score(self) -> nn.Cell:
        """A second network, with the moving averages where they are kept.

        The trained network is left alone: MindSpore does not reliably show a compiled step the values that are put
        into a parameter outside of it, nor the other way round once that was done.
        """
        if self._twin is None:
            self._twin = build_network(self.start.spec).set_train(False)
        weights = self.step.weights()
        for name, parameter in self._twin.parameters_dict().items():
            parameter.set_data(weights[name])
        return self._twin

    def keep(self, done: int, scores: Scores | None = None) -> None:
        """Save a numbered checkpoint and remove the oldest ones."""
        self._save(self.folder.epoch(done // self.length.steps, done), done, scores or {})
        self.folder.prune(self.config.run.keep_checkpoint_max)

    def save_last(self, done: int, scores: Scores | None = None) -> None:
        """Save the resumable checkpoint."""
        self._save(self.folder.last, done, scores or {})
        self._saved_at = time.monotonic()

    def save_in_time(self, done: int) -> None:
        """`save_last` every `save_last_minutes`."""
        if time.monotonic() - self._saved_at > 60 * self.config.run.save_last_minutes:
            self.save_last(done)

    def _save(self, path: Path, done: int, scores: Scores) -> None:
        weights = self.step.weights()
        broken = [name for name, value in weights.items() if not np.isfinite(value.asnumpy()).all()]
        if broken:
            raise TrainingError(not_finite(f"{len(broken)} tensors of the network ({broken[0]}, ...) are", done))
        save_checkpoint(path, weights, self._meta(done, scores), self.step.state())

    def _meta(self, done: int, scores: Scores) -> Meta:
        return Meta(
            network=self.start.spec.network,
            encoder=self.start.spec.encoder_name,
            spec=self.start.spec,
            preprocess=self.inputs.preprocess,
            epoch=done // self.length.steps,
            step=done,
            scores=scores,
            train={"best_mse": float(self.best)} | self.order,
        )

    def close(self) -> None:
        """Close the records and say where everything is."""
        self.records.close()
        best = f"best MSE {self.best:.6f}" if np.isfinite(self.best) else "never validated"
        logger.info("training finished: %s, everything is in %s", best, self.root)


def not_finite(what: str, done: int) -> str:
    """The message for a value that is NaN or infinite after `done` steps."""
    return (
        f"No finite number at step {done + 1}: {what} NaN or infinite; nothing was saved since the last "
        "checkpoint. Lower --lr, set --clip_grad_norm 1, or look for damaged images with "
        "data/check_dataset.py; then continue with --resume."
    )
