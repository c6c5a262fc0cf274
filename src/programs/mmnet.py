"""The command lines that MMNet's users know, turned into a configuration for train.py and eval.py.

    bash scripts/train_mmnet.sh DATASET TRAIN_DIR --batch_size 16 --learning_rate 1e-4 --step_save_checkpoint 500
    bash scripts/validate_mmnet.sh DATASET TRAIN_DIR --checkpoint_path TRAIN_DIR/ckpt/MMNet_best.ckpt
    modnet mmnet train --write mmnet.yml DATASET TRAIN_DIR     # then: modnet train --config mmnet.yml

For training, every key of a configuration is an option as well; configs/MMNet.yml holds the rest.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from ..common.errors import CheckpointError, ConfigError, DataError
from ..common.log import setup_logging
from ..config.config import Config
from ..config.mmnet import DEFAULT_CONFIG, FOLDERS, placed
from ..config.options import add_arguments, config_from_args

RANDOM_TRANSFORMS = ("RandomStretch", "RandomCrop", "RandomHorizontalFlip", "RandomRotateZoom")
AUGMENTATIONS = ("resize_random_scale_crop_flip_rotate", "resize_bilinear")
# MMNet's name of an option -> the key of a configuration.
TRAIN_KEYS = {
    "checkpoint_path": "ckpt_path",
    "learning_rate": "lr",
    "step_save_checkpoint": "ckpt_save_steps",
    "max_to_keep": "keep_checkpoint_max",
    "max_epoch_from_restore": "epoch_size",
}


def main() -> None:
    """Write the configuration that the command line asks for."""
    setup_logging()
    args = build_parser().parse_args()
    config = (train_config if args.task == "train" else validate_config)(args)
    config.save(Path(args.write))


def build_parser() -> argparse.ArgumentParser:
    """The parser of both tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = parser.add_subparsers(dest="task", required=True)
    for task in ("train", "validate"):
        sub = tasks.add_parser(task, prog=f"bash scripts/{task}_mmnet.sh", allow_abbrev=False)
        sub.add_argument("--write", required=True, metavar="FILE", help="file for the configuration; scripts name it")
        sub.add_argument("dataset", nargs="?", help="folder with train|test / image|mask, or in P3M-10k's layout")
        sub.add_argument("train_dir", nargs="?", default="mmnet-traindir", help="folder of the run")
        sub.add_argument("--dataset_path", help="the data set, over DATASET")
        sub.add_argument("--checkpoint_path", help="start from (score) this checkpoint; a folder: its newest")
        add_arguments(sub, None if task == "train" else ("device_target", "device_id"))
        sub.set_defaults(config=str(DEFAULT_CONFIG))
    sub = tasks.choices["train"]
    sub.add_argument("--train_dir", dest="other_train_dir", help="the folder of the run, over TRAIN_DIR")
    sub.add_argument("--learning_rate", help="as --lr")
    sub.add_argument("--step_save_checkpoint", help="as --ckpt_save_steps")
    sub.add_argument("--max_to_keep", help="as --keep_checkpoint_max")
    sub.add_argument("--max_epoch_from_restore", help="as --epoch_size")
    sub.add_argument("--augmentation_method", choices=AUGMENTATIONS, default=AUGMENTATIONS[0])
    return parser


def train_config(args: argparse.Namespace) -> Config:
    """The configuration of a training; raises ConfigError, CheckpointError or DataError for what cannot be used."""
    if args.checkpoint_path:
        args.checkpoint_path = str(newest_checkpoint(Path(args.checkpoint_path)))
    for option, key in TRAIN_KEYS.items():
        if getattr(args, option) is not None:
            setattr(args, key, getattr(args, option))
    config = _on_dataset(config_from_args(args), args)
    train = config.dataset("train_dataset")
    if args.augmentation_method == "resize_bilinear":
        kept = tuple(t for t in train.transforms if t.get("type") not in RANDOM_TRANSFORMS)
        train = replace(train, transforms=kept)
    folder = Path(args.other_train_dir or args.train_dir)
    return config.replaced(train_dataset=train, output_path=str(folder.resolve()))


def validate_config(args: argparse.Namespace) -> Config:
    """The configuration of an evaluation of `--checkpoint_path`, or else of the newest checkpoint of the run."""
    config = _on_dataset(config_from_args(args), args)
    checkpoint = newest_checkpoint(Path(args.checkpoint_path or args.train_dir))
    return config.replaced(ckpt_path=str(checkpoint))


def _on_dataset(config: Config, args: argparse.Namespace) -> Config:
    if not (args.dataset_path or args.dataset):
        raise ConfigError("Name the data set: DATASET, or --dataset_path FOLDER.")
    root = Path(args.dataset_path or args.dataset).resolve()
    if not root.is_dir():
        raise DataError(f"No data set at {root}. Give the folder that holds train/image and train/mask.")
    sections = {name: placed(config.dataset(name), root, name) for name in FOLDERS}
    return config.replaced(**sections)


def newest_checkpoint(path: Path) -> Path:
    """A checkpoint itself, with or without `.ckpt`, or the one of a folder (or of its ckpt/) that was written last."""
    named = f"{path.name}.ckpt"  # as MMNet's users name one: TRAIN_DIR/MMNet-500
    for file in (path, path.with_name(named), path.parent / "ckpt" / named):
        if file.is_file():
            return file.resolve()
    found = [*path.glob("*.ckpt"), *path.glob("ckpt/*.ckpt")]
    if not found:
        raise CheckpointError(f"No checkpoint at {path}, nor below it. Give a .ckpt file or the folder of a run.")
    return max(found, key=lambda p: p.stat().st_mtime).resolve()
