"""Write the images and masks of a test split as raw files: see src/evaluation/offline/bin_store.py for what lies where.

    python offline_infer/prepare.py data/CCP
    python offline_infer/prepare.py data/CCP --model exported/MODNet_best_u8.onnx --output_path offline_infer/Bin/modnet

Without --model the inputs are MMNet's: 256x256, float32 NHWC in [0, 1]. With it they are what that model takes: float32
in its layout, or uint8 NHWC where it normalises by itself.
"""

import argparse
from pathlib import Path

from ..common.errors import ConfigError, DataError
from ..common.log import logger, setup_logging
from ..common.text import count_of
from ..config.config import load_config
from ..config.mmnet import DEFAULT_CONFIG, placed
from ..data.pairs import evaluation_pairs
from ..evaluation.offline.bin_store import FOLDER, BinInputWriter
from ..evaluation.offline.prepare import MMNET_RECIPE, InputRecipe, prepare
from ..evaluation.offline.store import Source
from ..inference.model import resolve_model
from ..runtime.factory import open_predictor
from ..runtime.options import add_model_arguments, open_options


def parse_arguments() -> argparse.Namespace:
    """Read the command line; ConfigError for options of a model without --model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "dataset", metavar="DATASET", help="folder with test/image and test/mask, or the folders of P3M-10k"
    )
    parser.add_argument("--model", help="model (.ckpt, .onnx, .xml) whose inputs are expected (default: MMNet's)")
    parser.add_argument("--config", default=DEFAULT_CONFIG, help="YAML file: its val_dataset's limit, alpha_allow_rgb")
    parser.add_argument("--output_path", type=Path, default=FOLDER, help="default: %(default)s")
    add_model_arguments(parser)
    args = parser.parse_args()
    if args.model is None and open_options(args) != open_options(parser.parse_args([args.dataset])):
        raise ConfigError("--ref_size and the other options of a model go with --model: without it the inputs are "
                          "those of configs/MMNet.yml. Give --model FILE, or leave them out.")  # fmt: skip
    return args


def main() -> None:
    """Write inputs, masks and the manifest."""
    args = parse_arguments()
    setup_logging()
    root = Path(args.dataset).resolve()
    if not root.is_dir():
        raise DataError(f"No data set at {root}. Give the folder that holds test/image and test/mask.")
    spec = placed(load_config(args.config).dataset("val_dataset"), root, "val_dataset")
    recipe = MMNET_RECIPE
    if args.model:
        recipe = InputRecipe.of(open_predictor(resolve_model(args.model), **open_options(args))[0])
    sources = [Source.of_pair(pair, spec.alpha_channels) for pair in evaluation_pairs(spec)]
    prepare(sources, recipe, BinInputWriter(args.output_path, spec.dataset_root, recipe))
    form = recipe.form
    logger.info("%s of %s (%s, %s) with masks in %s", count_of(len(sources), "image"), spec.dataset_root, form.dtype,
                form.layout, args.output_path)  # fmt: skip
