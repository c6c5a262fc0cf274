"""Score npz results of scripts/npz_infer.py, or of a device, as eval.py scores a model: at the images' own size.

    python scripts/npz_eval.py --results npz_results --config P3M.yml --draw_dir drawn --output_path scores
    python scripts/npz_eval.py --results npz_results --alpha data/mask --images data/image --draw_dir drawn

Prints MSE, MAD, SAD and mIoU of whole images and of their transition bands; --output_path gets all as eval.json.
Results and alphas must be of the same images. Earlier files stay: new ones go to <folder>-2. The options of the device
vendor's vamp_eval.py (--src_dir, --gt_dir, --input_npz_path, --out_npz_dir, --input_shape, --draw_dir, --vamp_flag)
mean the same: --vamp_flag takes numbered results with the array `output_0`, in the order of the list of inputs.
"""

import argparse
from pathlib import Path

from ..common.cli import parse_whole
from ..common.errors import ConfigError
from ..common.files import claim_folder
from ..common.log import logger, setup_logging
from ..common.text import count_of
from ..data.pairs import evaluation_pairs, files_by_stem, find_trimaps, match_folders
from ..evaluation.offline.npz_store import FileTruth, NpzOutputs, NumberedOutputs, read_datalist
from ..evaluation.offline.score import score
from ..runtime.input_size import parse_input_shape
from ..spec.alpha import AlphaChannels

RESULT = "eval.json"


def main() -> None:
    """Score the results, draw them, and write eval.json as far as it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--results",
        "--out_npz_dir",
        dest="results",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of <image>.npz",
    )
    truth = parser.add_mutually_exclusive_group(required=True)
    truth.add_argument("--config", metavar="FILE", help="YAML file; images and alphas of its val_dataset")
    truth.add_argument(
        "--alpha", "--gt_dir", dest="alpha", type=Path, metavar="DIR", help="folder of alphas, named as the images"
    )
    parser.add_argument(
        "--images",
        "--pictures",
        "--src_dir",
        dest="images",
        type=Path,
        metavar="DIR",
        help="with --alpha: the images, to draw them",
    )
    parser.add_argument("--alpha_allow_rgb", action="store_true", help="with --alpha: alphas may have equal channels")
    parser.add_argument("--alpha_channel", type=parse_whole, choices=(4,), help="with --alpha: alphas are the fourth "
                        "channel of RGBA files")  # fmt: skip
    parser.add_argument("--trimap", type=Path, metavar="DIR", help="trimaps named as the images: score their unknown "
                        "pixels in place of the alphas' transition bands")  # fmt: skip
    parser.add_argument("--datalist", "--input_npz_path", dest="datalist", type=Path, metavar="FILE", help="list of "
                        "the inputs: only its images are scored")  # fmt: skip
    parser.add_argument("--vamp_flag", action="store_true", help="results are numbered in the order of --datalist")
    parser.add_argument("--input_shape", nargs="+", metavar="H", help="H W (or H,W) that each result must have")
    parser.add_argument("--draw_dir", metavar="DIR", help="draw input, truth, matte and composite of each image")
    parser.add_argument("--output_path", metavar="DIR", help=f"folder for {RESULT}")
    args = parser.parse_args()
    setup_logging()
    names = [file.stem for file in read_datalist(args.datalist, names_only=True)] if args.datalist else None
    outputs, known = find_results(args, names), find_truth(args)
    if names is not None:
        known.keep(names)
    if args.trimap:
        known.trimaps = find_trimaps(args.trimap, known.names)
    if args.draw_dir and not known.images:
        raise ConfigError("--draw_dir shows the images, too: name their folder by --images DIR.")
    marks = tuple(f"{name}.png" for name in known.alphas)
    draw = claim_folder(args.draw_dir, marks) if args.draw_dir else None
    output = claim_folder(args.output_path, (RESULT,)) if args.output_path else None
    result = score(outputs, known, draw)
    for region, scores in (("whole image", result.whole), ("transition band", result.band)):
        values = (scores["mse"], scores["mad"], scores["sad"], scores["miou"])
        logger.info("%s: MSE %.6f, MAD %.6f, SAD %.6f, mIoU %.6f", region, *values)
    if result.mmnet:
        logger.info("MMNet: %s", ", ".join(f"{name} {value:.6f}" for name, value in result.mmnet.items()))
    logger.info("%s in %.1f s", count_of(result.pictures, "image"), result.seconds)
    if output:
        result.save(output / RESULT)


def find_results(args: argparse.Namespace, names: list[str] | None) -> NpzOutputs:
    """The results, by the images' names or in the order of the list's `names`."""
    size = parse_input_shape(",".join(args.input_shape)) if args.input_shape else None
    if not args.vamp_flag:
        return NpzOutputs(args.results, size)
    if names is None:
        raise ConfigError("--vamp_flag takes the order of the inputs from their list: add --datalist FILE.")
    return NumberedOutputs(args.results, names, size)


def find_truth(args: argparse.Namespace) -> FileTruth:
    """The alphas of --config or --alpha, with the images where they are named."""
    if args.config and (args.images or args.alpha_allow_rgb or args.alpha_channel):
        raise ConfigError("--images, --alpha_allow_rgb and --alpha_channel go with --alpha; --config says all itself.")
    if args.config:
        from ..config.config import load_config  # needs PyYAML, which a device may lack
        from ..data.preprocess import preprocess_of

        config = load_config(args.config)
        spec = config.dataset("val_dataset")
        pairs, preprocess = evaluation_pairs(spec), preprocess_of(config.data)
        return FileTruth.of_pairs(pairs, spec.alpha_channels, spec.dataset_root, preprocess)
    channels: AlphaChannels = "fourth" if args.alpha_channel else args.alpha_allow_rgb
    if args.images:
        return FileTruth.of_pairs(match_folders(args.images, args.alpha).pairs, channels, str(args.alpha))
    return FileTruth(files_by_stem(args.alpha), {}, channels, str(args.alpha))
