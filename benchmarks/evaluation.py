"""Time of a whole evaluation (reading, network, scores, writing) against that of the network alone.

python benchmarks/evaluation.py --config configs/CCP.yml --ckpt_path train/output/ckpt/MODNet_best.ckpt

Three ways take turns on the same images: the network alone on inputs that are ready; everything one after another;
and eval.py's way, where reading, scoring and writing overlap with the network. The clock counts; beside it stands
processor time, which hardly changes when other programs use the cores.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.backend.device import select_device
from src.backend.environment import prepare_environment
from src.bench.report import machine, show_machine, table, write_json
from src.bench.turns import median_seconds
from src.common.cli import run_command
from src.common.errors import ConfigError
from src.config.options import add_arguments, config_from_args
from src.data.pairs import Pair, evaluation_pairs
from src.evaluation.score import evaluate
from src.imaging import to_input, write_alpha
from src.metrics.matte import score_regions, transition_band
from src.runtime.base import Predictor


def ways(predictor: Predictor, pairs: list[Pair], allow_rgb: bool, output: Path) -> dict[str, Callable[[], None]]:
    inputs = [to_input(pair.read(allow_rgb)[0], predictor.preprocess) for pair in pairs]

    def network() -> None:
        for x in inputs:
            predictor.run(x)

    def one_after_another() -> None:
        for pair in pairs:
            image, alpha = pair.read(allow_rgb)
            matte = predictor.predict(image)
            write_alpha(output / f"{pair.name}.png", matte)
            score_regions(matte, alpha, [None, transition_band(alpha)])

    def overlapped() -> None:
        evaluate(predictor, pairs, "", "", output, allow_rgb)

    return {"network alone": network, "one after another": one_after_another, "eval.py": overlapped}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, ("ckpt_path", "device_target", "device_id"))
    parser.add_argument("--images", "--pictures", type=int, default=20, help="how many of the images (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    arguments, facts = parser.parse_args(), machine()
    config = config_from_args(arguments)
    if not config.network.ckpt_path:
        raise ConfigError("Name the network: --ckpt_path FILE.ckpt")
    spec = config.dataset("val_dataset")
    pairs = evaluation_pairs(spec)[: arguments.images]
    prepare_environment(config.run.device_target)
    device = select_device(config.run.device_target, config.run.device_id)
    from src.runtime.mindspore_runtime import MindSporePredictor

    predictor, _ = MindSporePredictor.from_checkpoint(config.network.ckpt_path)
    with tempfile.TemporaryDirectory() as folder:
        seconds = median_seconds(ways(predictor, pairs, spec.alpha_allow_rgb, Path(folder)), arguments.rounds)
    alone, each = seconds["network alone"][0], 1e3 / len(pairs)
    rows = [
        [name, f"{each * clock:.1f}", f"{clock / alone:.2f}", f"{each * cpu:.1f}"]
        for name, (clock, cpu) in seconds.items()
    ]
    print(
        f"{show_machine(facts)}, MindSpore on {device}; {len(pairs)} images "
        f"of '{spec.dataset_root}', median of {arguments.rounds} rounds\n"
    )
    print(table(["", "ms an image", "times the network's", "ms of processor time"], rows))
    write_json(arguments.json, {"machine": facts, "device": device, "pictures": len(pairs), "seconds": seconds})


if __name__ == "__main__":
    run_command(main)
