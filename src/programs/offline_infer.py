"""Run a model over the images that prepare.py wrote: one raw result for each.

    python offline_infer/infer.py --model exported/MMNet_best_nhwc.onnx
    python offline_infer/infer.py --model exported/MODNet_best.xml --bins offline_infer/Bin/modnet

A model is an ONNX file, an OpenVINO IR (.xml), MindIR or a checkpoint. It gets the files' values as they lie there, as
any other program would give them to it: a model of another layout is refused.
"""

import argparse
from pathlib import Path

from ..common.log import logger, setup_logging
from ..common.text import count_of
from ..evaluation.offline.bin_store import FOLDER, OUTPUT, BinInputs, BinOutputs
from ..evaluation.offline.infer import infer
from ..inference.model import model_to_open
from ..runtime.factory import open_predictor
from ..runtime.options import add_model_arguments, open_options


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="model file of any kind")
    parser.add_argument("--bins", type=Path, default=FOLDER, help="default: %(default)s")
    parser.add_argument("--output_path", type=Path, help=f"folder for the results (default: {OUTPUT}/ in --bins)")
    parser.add_argument("--device", default="CPU", help="the runtime's name of a device (default: CPU)")
    add_model_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Run the model over the prepared images."""
    args = parse_arguments()
    setup_logging()
    predictor, _ = open_predictor(model_to_open(args.model), args.device, **open_options(args))
    inputs, outputs = BinInputs(args.bins), BinOutputs(args.bins, args.output_path)
    seconds = infer(predictor, args.model, inputs, outputs)
    count = len(inputs.names)
    logger.info("%s in %s, network %.2f ms an image", count_of(count, "image"), outputs.folder, 1000 * seconds / count)
