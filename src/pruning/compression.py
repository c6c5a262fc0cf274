"""ModelCompression's side file for a pruned network of ours, where that file can describe it."""

from src.errors import CheckpointError
from src.spec import ModNetSpec
from src.weights import compression_spec

_BASE_WIDTH = 32  # of the high-resolution and fusion branches before pruning


def compression_info(spec: ModNetSpec, threshold: float) -> dict[str, object] | None:
    """The side file's numbers, or None where the network that they stand for is another one.

    That file knows whole expansions only, shortcuts wherever two widths agree, IBNorms in equal halves, and one base
    width for the high-resolution and fusion branches.
    """
    outs = [spec.encoder.stem, *(block.out for block in spec.encoder.blocks)]
    expansions = [block.hidden // width for block, width in zip(spec.encoder.blocks, outs, strict=False)]
    info = {
        "ratio": 1 - spec.tohr_enc2x.channels / _BASE_WIDTH,
        "threshold": threshold,
        "new_cfg": [*outs, spec.encoder.head],
        "new_expansion_cfg": expansions,
        "new_lr_channels": [spec.lr8x.channels, spec.lr16x.channels],
        "new_hr_channels": [*spec.encoder.tap_channels],
        "new_f_channels": [spec.lr8x.channels],
    }
    try:
        return info if compression_spec(info) == spec else None
    except CheckpointError:
        return None
