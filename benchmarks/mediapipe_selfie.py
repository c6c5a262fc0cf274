"""MediaPipe's selfie segmentation on the validation images of a configuration, scored as eval.py scores.

python -m venv mediapipe && mediapipe/bin/pip install mediapipe==0.10.21 PyYAML==6.0.3 tqdm==4.70.1
mediapipe/bin/python benchmarks/mediapipe_selfie.py --config configs/CCP.yml --model general

It needs an environment of its own: MediaPipe brings another OpenCV. `network_seconds` is its whole pipeline, resizing
to 256x256 (landscape: 144x256) and back included. Apart from that there is no other pre-processing.
"""

import argparse
import sys
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.packages import MEDIAPIPE, need
from src.bench.report import machine, write_json
from src.common.cli import run_command
from src.config.options import add_arguments, config_from_args
from src.data.pairs import evaluation_pairs
from src.evaluation.score import evaluate
from src.runtime.base import Predictor
from src.spec.preprocess import Preprocess

MODELS = {"general": 0, "landscape": 1}


class SelfieSegmentation(Predictor):
    """Images go in as they are, the mask comes out at their size."""

    def __init__(self, model: str) -> None:
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation as Solution

        super().__init__(Preprocess())
        self.solution = Solution(model_selection=MODELS[model])

    def prepare(self, image: np.ndarray) -> np.ndarray:
        return image

    def run(self, x: np.ndarray) -> np.ndarray:
        return self.solution.process(x).segmentation_mask[None, None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, ())
    parser.add_argument(
        "--model", choices=MODELS, default="general", help="which of its networks (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, help="also write the scores to this file")
    args = parser.parse_args()
    need("mediapipe", MEDIAPIPE)
    spec = config_from_args(args).dataset("val_dataset")
    predictor = SelfieSegmentation(args.model)
    result = evaluate(predictor, evaluation_pairs(spec), f"MediaPipe {args.model}", str(spec.dataset_root))
    milliseconds = 1000 * result.network_seconds / result.pictures
    scores = {name: result.whole[name] for name in ("mse", "mad", "miou", "iou")}
    scores["median_mse"] = median(image["whole"]["mse"] for image in result.per_picture)
    print(result.pictures, "images,", ", ".join(f"{k} {v:.4f}" for k, v in scores.items()), f"{milliseconds:.1f} ms")
    write_json(args.json, {"machine": machine(), "milliseconds": milliseconds, **scores})


if __name__ == "__main__":
    run_command(main)
