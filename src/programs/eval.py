"""Score networks on the validation set of a configuration, and write their mattes.

    python eval.py --config P3M.yml --ckpt_path output/ckpt/MODNet_best.ckpt --output_path eval_output
    python eval.py --config P3M.yml --model MODNet_best.ckpt MODNet_best.onnx int8.xml --max_mse_increase 10%
    python eval.py --config P3M.yml --model modnet-lite0 modnet-p modnet-p@bf16
    bash scripts/run_standalone_eval_gpu.sh P3M.yml output/ckpt/MODNet_best.ckpt 0

A model is a checkpoint, MindIR, ONNX file, OpenVINO IR (.xml) or a released model's name (python infer.py --list);
MODEL@bf16 is that model in bf16. Leaves <image>.png (8-bit grey, the image's size) and eval.json in --output_path;
for several models in a folder each, beside comparison.json. An earlier evaluation there stays: the new one goes to
<output_path>-2. Exit status 1: a model's MSE is above the first's by more than allowed.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from ..common.cli import parse_share
from ..common.errors import ConfigError
from ..common.files import claim_folder
from ..common.log import setup_logging
from ..config.config import Config
from ..config.options import add_arguments, config_from_args
from ..data.pairs import evaluation_pairs
from ..evaluation.comparison import COMPARISON, RESULT, report, score
from ..evaluation.results import Comparison
from ..model_file.formats import CHECKPOINT, MINDIR, format_of
from ..model_file.releases import find_model
from ..runtime.base import Predictor
from ..runtime.factory import open_predictor
from ..runtime.flip import FlipTTA
from ..runtime.options import add_model_arguments, join_precision, open_options, split_precision


def main() -> int:
    """Score every model; exit status 1 where one is worse than the first by more than allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    texts = {"ckpt_path": "checkpoint or released model to score", "output_path": "folder for mattes and eval.json"}
    add_arguments(parser, ("ckpt_path", "output_path", "device_target", "device_id"), texts)
    parser.add_argument("--model", nargs="+", help="models of any kind, such as MODEL.xml@bf16 in bf16; the first is "
                        "what the others are compared with")  # fmt: skip
    parser.add_argument("--device", default="CPU", help="device of onnxruntime and OpenVINO (default: CPU)")
    parser.add_argument(
        "--max_mse_increase", type=parse_share, metavar="SHARE", help="such as 10%%: else exit status 1"
    )
    parser.add_argument("--flip", action="store_true", help="score the mean over an image and its mirror image, as "
                        "infer.py makes it of photographs")  # fmt: skip
    parser.add_argument("--trimap", type=Path, metavar="DIR", help="trimaps named as the images: score their unknown "
                        "pixels in place of the alphas' transition bands")  # fmt: skip
    add_model_arguments(parser)
    args = parser.parse_args()
    config = config_from_args(args)
    setup_logging()
    given = args.model or [config.network.ckpt_path]
    if given == [None]:
        raise ConfigError("Name the network to score: --ckpt_path FILE.ckpt, or --model FILE of any kind.")
    if len(given) == 1 and args.max_mse_increase is not None:
        raise ConfigError("--max_mse_increase compares with the first of several models: give --model A B.")
    models = [split_precision(text, args.precision) for text in given]
    spec = config.dataset("val_dataset")
    if args.trimap:
        spec = replace(spec, trimap_subpath=str(args.trimap.absolute()))
    pairs = evaluation_pairs(spec)
    predictors = [open_model(*model, config, args) for model in models]
    output = claim_folder(config.run.output_path, (RESULT, COMPARISON))
    labels = [join_precision(*model) + "+flip" * args.flip for model in models]
    folders = [output] if len(models) == 1 else [output / f"{i}_{Path(m).name}" for i, m in enumerate(labels, 1)]
    results = [score(*job, pairs, spec) for job in zip(labels, predictors, folders, strict=True)]
    return 0 if len(models) == 1 else report(Comparison(results), args.max_mse_increase, output)


def open_model(model: str, precision: str, config: Config, args: argparse.Namespace) -> Predictor:
    """A model by path or released name; MindSpore's own are on the configuration's device, others on --device.

    Raises as `src.runtime.factory.open_predictor` does.
    """
    own = format_of(find_model(model)) in (CHECKPOINT, MINDIR)
    device = config.run.device_target if own else args.device
    options = open_options(args) | {"precision": precision}
    predictor, _ = open_predictor(model, device, device_id=config.run.device_id, **options)
    return FlipTTA(predictor) if args.flip else predictor
