"""Run any model over the inputs that scripts/image2npz.py wrote, and write what it says as npz.

    python scripts/npz_infer.py --model MODNet_480x288.onnx --datalist npz/npz_datalist.txt --output npz_results

Leaves <image>.npz with `output`, float [1, 1, h, w] in [0, 1], in --output; where earlier results lie there, in
<output>-2. A device's own program may write these files instead. Next: scripts/npz_eval.py.
"""

import argparse
from pathlib import Path

from ..common.files import make_folder, unused_folder
from ..common.log import logger, setup_logging
from ..evaluation.offline.npz_route import infer, read_datalist
from ..runtime.factory import open_predictor
from ..runtime.options import add_model_arguments, open_options


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="checkpoint, MindIR, ONNX file or OpenVINO IR (.xml)")
    parser.add_argument("--datalist", type=Path, required=True, metavar="FILE", help="npz files, one a line")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--device", default="CPU", help="the runtime's name of a device (default: CPU)")
    add_model_arguments(parser)
    args = parser.parse_args()
    setup_logging()
    files = read_datalist(args.datalist)
    predictor = open_predictor(args.model, args.device, **open_options(args))[0]
    folder = make_folder(unused_folder(args.output, tuple(file.name for file in files)))
    infer(predictor, files, folder)
    logger.info("%d results of %s in %s", len(files), args.model, folder)
