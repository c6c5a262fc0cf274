"""ONNX, for onnxruntime and nearly every other runtime."""

from pathlib import Path

from ..registry import ExportJob, register_target


@register_target("ONNX", ".onnx")
def write_onnx(job: ExportJob, path: Path) -> None:
    """Write the job's network as an ONNX file."""
    import onnx

    from ..onnx_model import onnx_model

    options = job.options
    form = options.shape, options.with_preprocess, options.channels_last
    onnx.save(onnx_model(job.network.network, job.contract, *form, opset=options.opset), path)
