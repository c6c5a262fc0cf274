"""Images -> network inputs of one fixed shape, an npz each, for a device that is evaluated off line.

    python scripts/image2npz.py --model MODNet_480x288.onnx --config P3M.yml --output npz
    python scripts/image2npz.py --input photos --input_shape 1,3,480,288 --output npz

Each npz holds `input` as the model takes it; npz_datalist.txt beside them names them. How images become inputs is
what --model says itself; without a model it is what this project trains with, unless --mean, --std, ... differ.
Next: scripts/npz_infer.py, or the device's own program, then scripts/npz_eval.py. Exit status 1: some images could
not be used; the others are written and listed.
"""

import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path

from ..common.files import make_folder, unused_folder
from ..common.log import logger, setup_logging
from ..common.text import natural_order
from ..data.pairs import evaluation_pairs, files_by_stem
from ..evaluation.offline.npz_route import DATALIST, fixed_input, fixed_size, parse_size, refuse_twice, write_inputs
from ..imaging import to_input
from ..model_file.contract import read_contract
from ..runtime.base import InputForm
from ..runtime.factory import open_predictor
from ..runtime.options import add_model_arguments, open_options
from ..spec.preprocess import Preprocess


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--input", type=Path, metavar="DIR", help="folder of images")
    source.add_argument("--config", metavar="FILE", help="YAML file; the images of its val_dataset")
    parser.add_argument("--input_shape", metavar="1,3,H,W", help="or H,W; default: the only one that --model takes")
    parser.add_argument("--model", help="any model file that the inputs are for")
    parser.add_argument("--output", default="npz", metavar="DIR", help="folder for the files (default: npz)")
    parser.add_argument("--device", default="CPU", help="device that --model is opened on (default: CPU)")
    add_model_arguments(parser)
    args = parser.parse_args()
    setup_logging()
    images = find_images(args)
    size, options = parse_size(args.input_shape) if args.input_shape else None, open_options(args)
    if args.model:
        prepare = fixed_input(open_predictor(args.model, args.device, **options)[0], size)
    else:
        given = asdict(Preprocess()) | options["preprocess"]
        preprocess = read_contract(None, Path("the images"), given).preprocess
        prepare = partial(to_input, pre=preprocess, size=fixed_size(size, preprocess, InputForm()))
    folder = make_folder(unused_folder(args.output, (DATALIST,)))
    written = write_inputs(images, folder, prepare)
    logger.info("%d of %d images, listed in %s", len(written), len(images), folder / DATALIST)
    return 0 if len(written) == len(images) else 1


def find_images(args: argparse.Namespace) -> dict[str, Path]:
    if args.input:
        files = files_by_stem(args.input)
        return {name: files[name] for name in natural_order(files)}
    from ..config.config import load_config  # needs PyYAML, which a device may lack

    pairs = evaluation_pairs(load_config(args.config).dataset("val_dataset"))
    refuse_twice(pair.name for pair in pairs)
    return {pair.name: pair.image for pair in pairs}
