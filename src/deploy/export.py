"""Checkpoint -> one model file of a deployment format, proven equal before it appears."""

import os
from pathlib import Path

from ..common.errors import OutputError
from ..common.files import make_folder, refuse_existing, staging_folder
from ..runtime.factory import open_predictor
from ..runtime.mindspore_runtime import MindSporePredictor, contract_of
from .options import ANY_SHAPE, OPSET, ExportOptions
from .parity import Difference, check_parity
from .registry import ExportJob, find_target


def export(
    checkpoint: Path, file_format: str, folder: Path, options: ExportOptions
) -> tuple[list[Path], list[Difference]]:
    """Write `<checkpoint's stem><what is special><the format's mark>.<suffix>` into `folder`.

    Returns:
        The files, the one to open first, and how much its alpha differs from the checkpoint's.

    Raises:
        ConfigError: unknown format, or an option that it does not have.
        OutputError: the file is there already (and `overwrite` is off) or cannot be written.
        ExportError: the file does not compute what the checkpoint does; then none is left.
    """
    kind = find_target(file_format)
    kind.check(options)
    network, meta = MindSporePredictor.from_checkpoint(checkpoint)
    contract = contract_of(meta, checkpoint)
    name = checkpoint.stem + _special(options) + kind.mark
    targets = [make_folder(folder) / (name + suffix) for suffix in kind.suffixes]
    if not options.overwrite:
        refuse_existing(*targets, cure="Give another --output_path, or --overwrite to replace it.")
    try:
        with staging_folder(folder) as staging:
            path = staging / targets[0].name
            kind.write(ExportJob(checkpoint, network, contract, options), path)
            found = check_parity(network, open_predictor(path / kind.opens if kind.opens else path)[0])
            for target in reversed(targets):  # the one to open comes last
                _move(path.parent / target.name, target)
    except OSError as error:
        raise OutputError(f"Cannot write to {folder} ({error.strerror or error}). Free the disk or choose another "
                          "--output_path.") from error  # fmt: skip
    return targets, found


def _move(made: Path, target: Path) -> None:
    """Give what was made its place; what lay there before goes into the staging folder, and away with it."""
    if made.is_dir() and target.exists():
        earlier = made.with_name("earlier")
        os.replace(target, earlier)
        try:
            os.replace(made, target)
        except OSError:
            os.replace(earlier, target)
            raise
        return
    if made.is_file():
        made.chmod(0o644)  # MindSpore writes read-only files
    os.replace(made, target)


def _special(options: ExportOptions) -> str:
    """What a file's name says about it.

    That is `_1x3x480x288` for fixed sides (0: free), `_u8` for pixels, `_nhwc` for normalised input in that layout,
    `_opset11` for another opset than the newest.
    """
    shape = "" if options.shape == ANY_SHAPE else "_" + "x".join(str(max(side, 0)) for side in options.shape)
    layout = "_u8" if options.with_preprocess else "_nhwc" if options.channels_last else ""
    return shape + layout + (f"_opset{options.opset}" if options.opset != OPSET else "")
