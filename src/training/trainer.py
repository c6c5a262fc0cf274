"""The training loop: steps, logs, validation, checkpoints; stops cleanly and continues as if never stopped."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from mindspore import nn
from tqdm import tqdm

from ..checkpoint.file import Meta, save_checkpoint, weights_of
from ..common.errors import TrainingError
from ..common.log import logger, setup_logging
from ..common.signals import Interrupted, collect_signals
from ..config.config import Config
from ..config.dataset import DatasetSpec
from ..data.sequence import TrainingSequence
from ..evaluation.results import EvalResult
from ..models.build import build_network
from ..models.norms import freeze_batch_norm
from ..runtime.mindspore_runtime import MindSporePredictor
from .loader import Batch, batches
from .parallel import World, synchronise_batch_norm
from .resume import check_same_order, restore, sample_order
from .run_folder import RunFolder
from .run_records import Meter, RunRecords, Stopwatch
from .schedule import learning_rate
from .setup import Start, make_step, prepare
from .step import StepResult
from .validation import draw_sheet, validate


class Trainer:
    """One run. `train` works through the epochs that are left."""

    def __init__(self, config: Config, device: str, world: World) -> None:
        self.config, self.world = config, world
        self.start: Start = prepare(config)
        self.network, resumed = self.start.network, self.start.resumed
        self.done = resumed.meta.step if resumed else 0
        self.best = resumed.meta.train.get("best_mse", np.inf) if resumed else np.inf
        batch, epochs = self._dataset.batch_size, config.epoch_size
        self.sequence = TrainingSequence(
            self.start.samples, batch, config.seed, epochs, world.rank, world.size, self.done
        )
        step_pictures = self._dataset.batch_size * self.world.size
        self.order = sample_order(config, len(self.start.samples), step_pictures)
        if resumed:
            self._check_resumed()
        if config.sync_bn:
            synchronise_batch_norm(self.network, device)
        self.step = make_step(self.network, self.start.preprocess, config, world.size)
        if resumed:
            restore(self.step, resumed)
        self.rate = learning_rate(config, self.sequence.steps_per_epoch)
        self.twin: nn.Cell | None = None
        self.saved_at = time.monotonic()
        self.folder: RunFolder | None = None
        self.progress: RunRecords | None = None

    def train(self) -> None:
        """Run to the last epoch; raises Interrupted on a signal and TrainingError on a loss that is no number."""
        self._open_folder()
        steps, epochs = self.sequence.steps_per_epoch, self.config.epoch_size
        logger.info("%d images, %d steps an epoch, %d epochs, %d steps done",
                    len(self.start.samples), steps, epochs, self.done)  # fmt: skip
        meter, watch = Meter(self.step.objective.names), Stopwatch()
        loader = batches(self.sequence, self._dataset.batch_size, self._dataset.workers)
        if self.config.soc and self.config.val_interval and not self.done and self.world.rank == 0:
            self._validate(0)  # what adaptation starts from
        with collect_signals("saving after this step") as received:
            self._training_mode()
            first = True
            watch.lap()
            for batch in self._with_bar(loader):
                reader_seconds = watch.lap()
                result = self.step(*batch, self.rate(self.done), self.done)
                self._check_finite(result)
                self.done += 1
                seconds = watch.lap()
                if first:
                    logger.info("first step done in %.1f s, compilation included", seconds)
                    first, seconds = False, 0.0
                meter.add(result, reader_seconds + seconds, reader_seconds)
                if self.done % self.config.log_print_interval == 0 or self.done % steps == 0:
                    self._log(meter)
                    meter.reset()
                if self.config.ckpt_save_steps and self.done % self.config.ckpt_save_steps == 0:
                    self._keep()
                if self.done % steps == 0:
                    self._end_epoch(self.done // steps)
                elif time.monotonic() - self.saved_at > 60 * self.config.save_last_minutes:
                    self._save_last()
                watch.lap()
                if received:
                    self._save_last()
                    raise Interrupted(received[0], str(self.folder.root if self.folder else self.config.output_path))
        self._close()

    def _with_bar(self, loader: Iterator[Batch]) -> Iterator[Batch]:
        """A progress bar on rank 0's terminal; where stderr is no terminal, the log's lines are all there is."""
        total = self.config.epoch_size * self.sequence.steps_per_epoch
        hidden = None if self.world.rank == 0 else True
        return tqdm(loader, total=total, initial=self.done, unit="step", disable=hidden, dynamic_ncols=True)

    @property
    def _dataset(self) -> DatasetSpec:
        return self.config.dataset("train_dataset")

    def _training_mode(self) -> None:
        self.network.set_train(True)
        if self.config.freeze_norm or self.config.soc:
            freeze_batch_norm(self.network)

    def _check_finite(self, result: StepResult) -> None:
        if not result.finite:
            raise TrainingError(self._no_number("the loss is"))

    def _no_number(self, what: str) -> str:
        return (
            f"No finite number at step {self.done + 1}: {what} NaN or infinite; nothing was saved since the last "
            "checkpoint. Lower --lr, set --clip_grad_norm 1, or look for damaged images with "
            "data/check_dataset.py; then continue with --resume."
        )

    def _log(self, meter: Meter) -> None:
        steps, epochs = self.sequence.steps_per_epoch, self.config.epoch_size
        if self.progress:
            iteration = (self.done - 1) % steps + 1
            epoch, lr = (self.done - 1) // steps + 1, self.rate(self.done - 1)
            images = self._dataset.batch_size * self.world.size
            means = self.progress.step_line(
                epoch, epochs, iteration, steps, lr, images, steps * epochs - self.done, meter
            )
            self.progress.record(self.done, {"epoch": epoch, "lr": lr} | means)

    def _end_epoch(self, epoch: int) -> None:
        config = self.config
        last = epoch == config.epoch_size
        self.step.end_epoch()
        if self.world.rank != 0:
            return
        scores: dict[str, float] = {}
        if config.val_interval and (epoch % config.val_interval == 0 or last):
            scores = self._validate(epoch)
        self._save_last(scores)
        if config.ckpt_save_interval and epoch % config.ckpt_save_interval == 0:
            self._keep(scores)
        self.progress.draw_curve(self.folder.curve)

    def _validate(self, epoch: int) -> dict[str, float]:
        spec = self.config.dataset("val_dataset")
        network = self._twin()
        predictor = MindSporePredictor(network, self.start.preprocess)
        result: EvalResult = validate(
            predictor, self.start.validation, f"epoch {epoch}", spec.dataset_root, spec.alpha_allow_rgb
        )
        page = draw_sheet(predictor, self.start.validation, self.folder.sheet(epoch), spec.alpha_allow_rgb)
        scores = {"mse": result.whole["mse"], "mad": result.whole["mad"]}
        if scores["mse"] < self.best:
            self.best = scores["mse"]
            save_checkpoint(self.folder.best, weights_of(network), self._meta(scores))
        logger.info("[EVAL] epoch=%d, MSE: %.6f, MAD: %.6f (%d images, %.1f s), best MSE: %.6f",
                    epoch, scores["mse"], scores["mad"], result.pictures, result.seconds, self.best)  # fmt: skip
        self.progress.record(self.done, {"epoch": epoch, "val_mse": scores["mse"], "val_mad": scores["mad"]})
        self.progress.picture(self.done, page)
        return scores

    def _twin(self) -> nn.Cell:
        """A second network for validation, with the moving averages where they are kept.

        The trained network is left alone: MindSpore does not reliably show a compiled step the values that are put
        into a parameter outside of it, nor the other way round once that was done.
        """
        if self.twin is None:
            self.twin = build_network(self.start.spec).set_train(False)
        weights = self.step.weights()
        for name, parameter in self.twin.parameters_dict().items():
            parameter.set_data(weights[name])
        return self.twin

    def _save_last(self, scores: dict[str, float] | None = None) -> None:
        if self.world.rank == 0:
            self._save(self.folder.last, scores or {})
        self.saved_at = time.monotonic()

    def _keep(self, scores: dict[str, float] | None = None) -> None:
        """Save a checkpoint that stays until newer ones push it out."""
        if self.world.rank == 0:
            epoch = self.done // self.sequence.steps_per_epoch
            self._save(self.folder.epoch(epoch, self.done), scores or {})
            self.folder.prune(self.config.keep_checkpoint_max)

    def _save(self, path: Path, scores: dict[str, float]) -> None:
        weights = self.step.weights()
        broken = [name for name, value in weights.items() if not np.isfinite(value.asnumpy()).all()]
        if broken:
            raise TrainingError(self._no_number(f"{len(broken)} tensors of the network ({broken[0]}, ...) are"))
        save_checkpoint(path, weights, self._meta(scores), self.step.state())

    def _meta(self, scores: dict[str, float]) -> Meta:
        return Meta(
            network=self.start.spec.network,
            encoder=self.start.spec.encoder_name,
            spec=self.start.spec,
            preprocess=self.start.preprocess,
            epoch=self.done // self.sequence.steps_per_epoch,
            step=self.done,
            scores=scores,
            train={"best_mse": float(self.best)} | self.order,
        )

    def _check_resumed(self) -> None:
        resumed = self.start.resumed
        check_same_order(resumed, self.order)
        if len(self.sequence) == 0:
            raise TrainingError(
                f"{resumed.path} has finished its {self.config.epoch_size} epochs. Raise --epoch_size to train on."
            )

    def _open_folder(self) -> None:
        """Make or reopen the run's folder; other ranks than 0 write nothing."""
        if self.world.rank != 0:
            return
        resumed = self.start.resumed
        output = Path(self.config.output_path)
        within = resumed and resumed.path.parent.parent.resolve() == output.resolve()
        title = self.start.spec.title
        self.folder = RunFolder(output, title) if within else RunFolder.create(output, title)
        setup_logging(self.folder.log)
        replace(self.config, resume=None).save(self.folder.config)
        earlier = None if within or resumed is None else resumed.path.parent.parent / self.folder.metrics.name
        names = self.step.objective.names
        self.progress = RunRecords(names, self.folder.root, self.folder.metrics, self.done, earlier)
        if earlier is not None:
            self.folder.adopt_best(resumed.path.parent)
        if resumed:
            logger.info("resumed at step %d from %s", self.done, resumed.path)
        logger.info("configuration: %s", self.folder.config)

    def _close(self) -> None:
        if self.progress:
            self.progress.close()
            logger.info("training finished: best MSE %.6f, everything is in %s", self.best, self.folder.root)
