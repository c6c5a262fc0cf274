"""Pictures -> network inputs of one fixed shape, an npz each, for a device that is evaluated off line.

    python scripts/image2npz.py --model MODNet_480x288.onnx --config P3M.yml --output npz
    python scripts/image2npz.py --input photos --input_shape 1,3,480,288 --output npz

Each npz holds `input` as the model takes it; npz_datalist.txt beside them names them. How pictures become inputs is
what --model says itself; without a model it is what this project trains with, unless --mean, --std, ... differ.
Next: scripts/npz_infer.py, or the device's own program, then scripts/npz_eval.py. Exit status 1: some pictures could
not be used; the others are written and listed.
"""

import argparse
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.cli import run_command
from src.files import make_folder, unused_folder
from src.imaging import to_input
from src.log import logger, setup_logging
from src.npz_route import DATALIST, fixed_input, fixed_size, parse_size, refuse_twice, write_inputs
from src.pairs import evaluation_pairs, files_by_stem, natural_order
from src.runtime.base import InputForm
from src.runtime.contract import read_contract
from src.runtime.factory import open_predictor
from src.runtime.options import add_model_arguments, open_options
from src.spec import Preprocess


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--input", type=Path, metavar="DIR", help="folder of pictures")
    source.add_argument("--config", metavar="FILE", help="YAML file; the pictures of its val_dataset")
    parser.add_argument("--input_shape", metavar="1,3,H,W", help="or H,W; default: the only one that --model takes")
    parser.add_argument("--model", help="any model file that the inputs are for")
    parser.add_argument("--output", default="npz", metavar="DIR", help="folder for the files (default: npz)")
    parser.add_argument("--device", default="CPU", help="device that --model is opened on (default: CPU)")
    add_model_arguments(parser)
    args = parser.parse_args()
    setup_logging()
    pictures = find_pictures(args)
    size, options = parse_size(args.input_shape) if args.input_shape else None, open_options(args)
    if args.model:
        prepare = fixed_input(open_predictor(args.model, args.device, **options)[0], size)
    else:
        given = asdict(Preprocess()) | options["preprocess"]
        preprocess = read_contract(None, Path("the pictures"), given).preprocess
        prepare = partial(to_input, pre=preprocess, size=fixed_size(size, preprocess, InputForm()))
    folder = make_folder(unused_folder(args.output, (DATALIST,)))
    written = write_inputs(pictures, folder, prepare)
    logger.info("%d of %d pictures, listed in %s", len(written), len(pictures), folder / DATALIST)
    return 0 if len(written) == len(pictures) else 1


def find_pictures(args: argparse.Namespace) -> dict[str, Path]:
    if args.input:
        files = files_by_stem(args.input)
        return {name: files[name] for name in natural_order(files)}
    from src.config import load_config  # needs PyYAML, which a device may lack

    pairs = evaluation_pairs(load_config(args.config).dataset("val_dataset"))
    refuse_twice(pair.name for pair in pairs)
    return {pair.name: pair.image for pair in pairs}


if __name__ == "__main__":
    run_command(main)
