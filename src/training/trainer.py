"""The training loop: it stops cleanly, and continues as if it had never stopped."""

from collections.abc import Iterator

from ..common.errors import TrainingError
from ..common.log import logger
from ..common.progress import track
from ..common.signals import Interrupted, collect_signals
from ..config.config import Config
from ..data.sequence import TrainingSequence
from ..models.norms import freeze_batch_norm
from .inputs import Inputs
from .length import Length
from .loader import Batch, batches
from .network import Start
from .objective import Step
from .output import NoOutput, Output, RunOutput, not_finite
from .parallel import World
from .resume import check_same_order, restore, sample_order
from .run_records import Meter, Stopwatch
from .schedule import learning_rate


class Trainer:
    """One run. `train` works through the epochs that are left.

    Attributes:
        network: what is trained.
        done: steps of the run so far.
    """

    def __init__(self, config: Config, world: World, inputs: Inputs, start: Start, step: Step) -> None:
        """Bring a run that is continued to where it was; CheckpointError where this one would not go on as that one."""
        self.config, self.world, self.inputs, self.start, self.step = config, world, inputs, start, step
        self.network, self.done, self.dataset = start.network, start.steps_done, config.dataset("train_dataset")
        epochs, batch = config.schedule.epoch_size, self.dataset.batch_size
        self.sequence = TrainingSequence(
            inputs.samples, batch, config.run.seed, epochs, world.rank, world.size, self.done
        )
        self.length = Length(self.sequence.steps_per_epoch, epochs, batch * world.size)
        self.order = sample_order(config, len(inputs.samples), self.length.images)
        if start.resumed:
            check_same_order(start.resumed, self.order)
            if len(self.sequence) == 0:
                raise TrainingError(
                    f"{start.resumed.path} has finished its {epochs} epochs. Raise --epoch_size to train on."
                )
            restore(step, start.resumed)
        self.rate = learning_rate(config.schedule, self.length.steps)

    def train(self) -> None:
        """Run to the last epoch; raises Interrupted on a signal and TrainingError on a loss that is NaN or infinite."""
        output = self._open_output()
        logger.info("%d images, %d steps an epoch, %d epochs, %d steps done",
                    len(self.inputs.samples), self.length.steps, self.length.epochs, self.done)  # fmt: skip
        loader = batches(self.sequence, self.dataset.batch_size, self.dataset.workers)
        if self.config.soc.soc and self.config.run.val_interval and not self.done:
            output.validate(0)  # what adaptation starts from
        with collect_signals("saving after this step") as received:
            self._run(loader, output, received)
        output.close()

    def _open_output(self) -> Output:
        if self.world.rank != 0:
            return NoOutput(self.config)
        return RunOutput(self.config, self.inputs, self.start, self.step, self.length, self.order)

    def _run(self, loader: Iterator[Batch], output: Output, received: list[int]) -> None:
        """All steps that are left; after each one, what it is time for."""
        self._training_mode()
        meter, watch, first = Meter(self.step.objective.names), Stopwatch(), True
        for batch in track(loader, "step", self.length.total, self.done, quiet=self.world.rank != 0):
            waited = watch.lap()
            result = self.step(batch, self.rate(self.done), self.done)
            if not result.finite:
                raise TrainingError(not_finite("the loss is", self.done))
            self.done += 1
            seconds = watch.lap()
            if first:
                logger.info("first step done in %.1f s, compilation included", seconds)
                first, seconds = False, 0.0
            meter.add(result, waited + seconds, waited)
            self._after_step(output, meter)
            watch.lap()
            if received and self.world.decides():
                output.save_last(self.done)
                raise Interrupted(received[0], output.root)
            received.clear()

    def _after_step(self, output: Output, meter: Meter) -> None:
        run, done = self.config.run, self.done
        epoch_ends = done % self.length.steps == 0
        if done % run.log_print_interval == 0 or epoch_ends:
            output.log(done, self.rate(done - 1), meter)
            meter.reset()
        if run.ckpt_save_steps and done % run.ckpt_save_steps == 0:
            output.keep(done)
        if epoch_ends:
            self.step.end_epoch()
            output.end_epoch(done)
        elif self.world.size > 1 and done == self.start.steps_done + 1:
            output.save_last(done)  # when another process is killed, this one cannot save any more
        else:
            output.save_in_time(done)

    def _training_mode(self) -> None:
        self.network.set_train(True)
        if self.config.network.freeze_norm or self.config.soc.soc:
            freeze_batch_norm(self.network)
        elif self.config.network.freeze_backbone:
            freeze_batch_norm(self.network.encoder)
