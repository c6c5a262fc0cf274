"""Write a checkpoint's network as a model file for deployment, and prove that it computes the same matte.

    python export.py --ckpt_path MODNet_best.ckpt --file_format ONNX --output_path exported
    python export.py --ckpt_path MODNet_best.ckpt --file_format OPENVINO --output_path exported --with_preprocess
    python export.py --ckpt_path MODNet_best.ckpt --file_format ONNX --output_path exported --input_shape 1,3,480,288
    python export.py --ckpt_path MMNet_best.ckpt --output_path exported --layout NHWC

Works for dense and pruned networks. The file carries its pre-processing, network description, scores and the
checkpoint's hash. Exit status 1: the file did not pass the comparison with the checkpoint; then none is left.
"""

import argparse
import os
from pathlib import Path

from ..backend.device import select_device
from ..backend.environment import prepare_environment
from ..common.log import logger, setup_logging
from ..model_file.releases import find_model
from ..spec.preprocess import Preprocess


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt_path", required=True, help="checkpoint or released model, dense or pruned")
    parser.add_argument(
        "--file_format", type=str.upper, default="ONNX", help="ONNX, OPENVINO (IR: .xml and .bin) or MINDIR"
    )
    parser.add_argument("--output_path", default="./output", help="folder for the file")
    parser.add_argument("--input_shape", help="N,3,H,W for a fixed input, -1 for a free side (default: all free)")
    parser.add_argument(
        "--with_preprocess", action="store_true", help="input uint8 RGB [N, H, W, 3], normalised inside"
    )
    parser.add_argument("--layout", choices=("NCHW", "NHWC"), help="of the input: [N, 3, H, W] (default) or "
                        "[N, H, W, 3], as TensorFlow and the vendors' compilers have it")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace the file of an earlier export")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    setup_logging()
    if args.file_format == "MINDIR":
        os.environ["MODNET_CPU_OPS"] = "0"  # the comparison runs on MindSpore's own operators; set up the CPU for them
    prepare_environment("CPU")
    select_device("CPU")
    from ..deploy.export import ExportOptions, export
    from ..deploy.onnx_model import ANY_SHAPE, parse_shape

    shape = parse_shape(args.input_shape, Preprocess().multiple) if args.input_shape else ANY_SHAPE
    options = ExportOptions(shape, args.with_preprocess, args.overwrite, args.layout)
    paths, _ = export(find_model(args.ckpt_path, (".ckpt",)), args.file_format, Path(args.output_path), options)
    size = sum(path.stat().st_size for path in paths) / 1e6
    logger.info("%s: %.2f MB, computes what %s computes", paths[0], size, args.ckpt_path)
