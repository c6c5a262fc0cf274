"""Time of a distillation step with the teacher inside of the compiled step and beside it.

python benchmarks/teacher.py --ckpt_path modnet-p.ckpt --teacher modnet-lite0.ckpt --teacher_flip True

The student alone and one with a teacher on each runtime take turns, step by step, on one batch of generated images.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.reference.golden import training_batch
from src.backend.device import select_device
from src.backend.environment import prepare_environment
from src.bench.report import machine, show_machine, table, write_json
from src.bench.turns import median_seconds
from src.common.cli import run_command
from src.common.errors import ConfigError
from src.config.config import Config
from src.config.options import add_arguments, config_from_args
from src.config.sections import TEACHER_RUNTIMES


def steps_of(config: Config, batch: tuple[np.ndarray, ...]) -> dict[str, Callable[[], None]]:
    from src.checkpoint.file import load_network
    from src.training.objective import make_step

    def step_of(runtime: str | None) -> Callable[[], None]:
        own = config.replaced(teacher_runtime=runtime or "mindspore")
        own = own if runtime else own.replaced(teacher=None, teacher_flip=False)
        network, meta = load_network(config.network.ckpt_path)
        network.set_train(True)
        step = make_step(network, meta.preprocess, own, world=1)
        return lambda: step(batch, config.schedule.lr, 0)

    return {runtime or "no teacher": step_of(runtime) for runtime in (None, *TEACHER_RUNTIMES)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, ("ckpt_path", "teacher", "teacher_flip"))
    parser.add_argument("--batch", type=int, default=4, help="images a step (%(default)s)")
    parser.add_argument("--size", type=int, default=448, help="their side (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count (%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    arguments, facts = parser.parse_args(), machine()
    config = config_from_args(arguments)
    if not (config.network.ckpt_path and config.distillation.teacher):
        raise ConfigError("Name both networks: --ckpt_path STUDENT --teacher CKPT")
    prepare_environment("CPU")
    select_device("CPU")
    batch = training_batch(arguments.size, 11, arguments.batch)
    measured = median_seconds(steps_of(config.replaced(lr=1e-5), batch), arguments.rounds)
    seconds = {name: clock for name, (clock, _) in measured.items()}
    inside = seconds[TEACHER_RUNTIMES[0]]
    print(
        f"{show_machine(facts)}; {arguments.batch} x {arguments.size} x "
        f"{arguments.size}, median of {arguments.rounds} rounds\n"
    )
    rows = [[name, f"{1e3 * value:.0f}", f"{value / inside:.2f}"] for name, value in seconds.items()]
    print(table(["teacher", "ms a step", "ratio"], rows))
    write_json(arguments.json, {"machine": facts, "seconds": seconds})


if __name__ == "__main__":
    run_command(main)
