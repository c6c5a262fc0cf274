"""Images -> network inputs of one fixed shape, an npz each, for a device that is evaluated off line.

    python scripts/image2npz.py --model MODNet_480x288.onnx --config P3M.yml --output npz
    python scripts/image2npz.py --input photos --input_shape 1,3,480,288 --output npz

Each npz holds `input` as the model takes it; npz_datalist.txt beside them names them. How images become inputs is
what --model says itself; without a model it is what this project trains with, unless --mean, --std, ... differ.
The device vendor's names mean the same: --dataset_path (--input), --target_path (--output), --text_path (--datalist).
Next: scripts/npz_infer.py, or the device's own program, then scripts/npz_eval.py. Exit status 1: some images could
not be used; the others are written and listed.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from ..common.files import claim_folder, refuse_existing
from ..common.log import logger, setup_logging
from ..common.text import count_of, natural_order
from ..data.pairs import evaluation_pairs, files_by_stem
from ..evaluation.offline.npz_store import DATALIST, NpzInputWriter
from ..evaluation.offline.prepare import InputRecipe, prepare
from ..evaluation.offline.store import Source, refuse_twice
from ..model_file.contract import read_contract
from ..runtime.base import InputForm
from ..runtime.factory import open_predictor
from ..runtime.input_size import INPUT_SHAPE, choose_size, fix_size, parse_input_shape
from ..runtime.options import add_model_arguments, open_options
from ..spec.preprocess import Preprocess

DEVICE_SIZE = 480, 288  # height and width that the vendor's tables of MODNet are for


def main() -> int:
    """Write the inputs; exit status 1 where some images could not be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--input", "--dataset_path", dest="input", type=Path, metavar="DIR", help="folder of images")
    source.add_argument("--config", metavar="FILE", help="YAML file; the images of its val_dataset")
    parser.add_argument("--input_shape", metavar="1,3,H,W", nargs="+", help="or H,W or H W; default: the only one that "
                        "--model takes, without a model 480,288")  # fmt: skip
    parser.add_argument("--model", help="any model file that the inputs are for")
    parser.add_argument(
        "--output",
        "--target_path",
        dest="output",
        default="npz",
        metavar="DIR",
        help="folder for the files (default: npz)",
    )
    parser.add_argument("--datalist", "--text_path", dest="datalist", type=Path, metavar="FILE", help="write the list "
                        f"to this file, with whole paths (default: {DATALIST} in --output)")  # fmt: skip
    parser.add_argument("--device", default="CPU", help="device that --model is opened on (default: CPU)")
    add_model_arguments(parser)
    args = parser.parse_args()
    setup_logging()
    sources, recipe = find_images(args), find_recipe(args)
    if args.datalist:
        refuse_existing(args.datalist, cure="Give another --datalist, or move that file away.")
    folder = claim_folder(args.output, (DATALIST, *(f"{source.name}.npz" for source in sources)))
    writer = NpzInputWriter(folder, args.datalist)
    written = prepare(sources, recipe, writer, leave_out=True)
    logger.info("%d of %s, listed in %s", len(written), count_of(len(sources), "image"), writer.datalist)
    return 0 if len(written) == len(sources) else 1


def find_images(args: argparse.Namespace) -> list[Source]:
    """The images of --input or --config."""
    if args.input:
        files = files_by_stem(args.input)
        return [Source(name, files[name]) for name in natural_order(files)]
    from ..config.config import load_config  # needs PyYAML, which a device may lack

    pairs = evaluation_pairs(load_config(args.config).dataset("val_dataset"))
    refuse_twice(pair.name for pair in pairs)
    return [Source(pair.name, pair.image) for pair in pairs]


def find_recipe(args: argparse.Namespace) -> InputRecipe:
    """How --model takes images, or without one how this project and the options make inputs."""
    size = parse_input_shape(",".join(args.input_shape)) if args.input_shape else None
    options = open_options(args)
    if args.model:
        predictor, _ = open_predictor(args.model, args.device, **options)
        fix_size(predictor, size, "The model", INPUT_SHAPE)
        return InputRecipe.of(predictor)
    given = asdict(Preprocess()) | options["preprocess"]
    preprocess = read_contract(None, Path("the images"), given).preprocess
    if size is None and preprocess.fixed_size is None:
        size = DEVICE_SIZE
        logger.info("neither --input_shape nor --model: inputs are %d pixels high and %d wide", *size)
    return InputRecipe(preprocess, InputForm(size=choose_size(size, preprocess, InputForm(), "The model", INPUT_SHAPE)))
