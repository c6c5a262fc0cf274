"""Run any model over the inputs that scripts/image2npz.py wrote, and write what it says as npz.

    python scripts/npz_infer.py --model MODNet_480x288.onnx --datalist npz/npz_datalist.txt --output npz_results

Leaves <image>.npz with `output`, float [1, 1, h, w] in [0, 1], in --output; where earlier results lie there, in
<output>-2. A device's own program may write these files instead. Next: scripts/npz_eval.py.
"""

import argparse
from pathlib import Path

from ..common.files import claim_folder
from ..common.log import logger, setup_logging
from ..common.text import count_of
from ..evaluation.offline.infer import infer
from ..evaluation.offline.npz_store import NpzInputs, NpzOutputs
from ..runtime.factory import open_predictor
from ..runtime.options import add_model_arguments, open_options


def main() -> None:
    """Run the model over the listed inputs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="checkpoint, MindIR, ONNX file or OpenVINO IR (.xml)")
    parser.add_argument("--datalist", type=Path, required=True, metavar="FILE", help="npz files, one a line")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--device", default="CPU", help="the runtime's name of a device (default: CPU)")
    add_model_arguments(parser)
    args = parser.parse_args()
    setup_logging()
    inputs = NpzInputs.of_list(args.datalist)
    predictor, _ = open_predictor(args.model, args.device, **open_options(args))
    folder = claim_folder(args.output, tuple(f"{name}.npz" for name in inputs.names))
    infer(predictor, args.model, inputs, NpzOutputs(folder))
    logger.info("%s of %s in %s", count_of(len(inputs.names), "result"), args.model, folder)
