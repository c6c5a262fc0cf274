"""ONNX for OBS Studio's plug-in obs-backgroundremoval: a fixed size, float32 RGB [1, 3, H, W] in [0, 1]."""

from pathlib import Path

from ...common.errors import ConfigError
from ..options import ANY_SHAPE, ExportOptions
from ..registry import ExportJob, register_target

WEBCAM = (288, 512)  # height, width: the plug-in stretches every frame to the model's size, and frames are 16:9


def one_fixed_size(options: ExportOptions) -> None:
    """ConfigError for another input than the plug-in's."""
    if options.with_preprocess or options.layout == "NHWC":
        raise ConfigError(
            "OBS takes RGB [1, 3, H, W] in [0, 1] and is normalised inside: leave --with_preprocess and --layout out."
        )
    if options.shape != ANY_SHAPE and (-1 in options.shape or options.shape[0] != 1):
        raise ConfigError("OBS takes one image of a fixed size: give --input_shape 1,3,H,W, or leave it out.")


@register_target("OBS", ".onnx", check=one_fixed_size, mark="_obs")
def write_obs(job: ExportJob, path: Path) -> None:
    """Write the job's network; without a shape at the size that it was made for, or a webcam's."""
    import onnx

    from ..onnx_model import onnx_model

    height, width = job.contract.preprocess.fixed_size or WEBCAM
    shape = (1, 3, height, width) if job.options.shape == ANY_SHAPE else job.options.shape
    onnx.save(onnx_model(job.network.network, job.contract, shape, unit_range=True, opset=job.options.opset), path)
