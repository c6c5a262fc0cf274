"""The table of released models, and the places in documents where it stands."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..common.errors import OutputError
from ..common.files import write_text
from ..common.log import logger
from ..model_file.releases import ReleasedModel
from ..runtime.options import join_precision

HEAD = ["name", "file", "parameters", "MACs, G", "MB", "MSE", "MAD", "IoU", "ms"]
BEGIN, END = "<!-- released models: begin -->", "<!-- released models: end -->"


def table_rows(models: Sequence[ReleasedModel]) -> list[list[str]]:
    """Cells under `HEAD`, in OpenVINO and in bf16 below those in f32; what is not known is a dash."""
    return [_cells(label, model) for label, model in _rows(models)]


def _rows(models: Sequence[ReleasedModel]) -> Iterator[tuple[str, ReleasedModel]]:
    """Each model, and behind it what is known of it in OpenVINO and in bf16, as models of their own."""
    for model in models:
        yield f"`{model.name}`", model
        if model.openvino_latency:
            yield f"`{model.name}`, OpenVINO", replace(model, latency=model.openvino_latency)
        if model.bf16_scores or model.bf16_latency:
            rounded = replace(model, scores=model.bf16_scores, latency=model.bf16_latency)
            yield f"`{join_precision(model.name, 'bf16')}`", rounded


def _cells(label: str, model: ReleasedModel) -> list[str]:
    def number(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    scores, latency = model.scores or {}, model.latency or {}
    return [
        label,
        f"`{model.file}`",
        number(model.parameters, ","),
        number(model.macs and model.macs / 1e9, ".2f"),
        f"{model.bytes / 1e6:.2f}",
        *(number(scores.get(name), ".4f") for name in ("mse", "mad", "iou")),
        number(latency.get("milliseconds"), ".1f"),
    ]


def circumstances(models: Sequence[ReleasedModel]) -> str:
    """What the numbers of the table rest on."""
    sets = dict.fromkeys(f"{m.dataset} ({m.pictures} images)" for m in models if m.scores)
    timings = dict.fromkeys(_timing(m.latency) for _, m in _rows(models) if m.latency)
    texts = ["Parameters are the learned ones, MACs those of one 512x512 image in deployment; MB are 10^6 bytes."]
    if sets:
        texts.append(
            "MSE, MAD and IoU (of the person, alphas cut at 0.5): means over whole images of the validation part of "
            f"{', '.join(sets)}."
        )
    if timings:
        texts.append(f"ms: median time of the network for one image, {'; '.join(timings)}.")
    return " ".join(texts)


def _timing(latency: dict[str, Any]) -> str:
    threads = f"{latency['threads']} threads" if latency["threads"] else "the runtime's choice of threads"
    runtime = f", {latency['runtime']}" if "runtime" in latency else ""
    return f"{'x'.join(map(str, latency['shape']))}, {latency['precision']}, {threads}, {latency['cpu']}{runtime}"


def put_between_markers(path: Path, text: str) -> bool:
    """Replace what stands between `BEGIN` and `END` in a document; False where it has neither.

    Raises:
        OutputError: the document cannot be read, or its markers are not one pair.
    """
    try:
        document = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"Cannot read {path} to put the table in ({error}).") from error
    counts = document.count(BEGIN), document.count(END)
    if counts == (0, 0):
        return False
    if counts != (1, 1) or document.index(BEGIN) > document.index(END):
        raise OutputError(f"{path} must hold '{BEGIN}' once and '{END}' once after it. Fix the markers.")
    before, rest = document.split(BEGIN)
    after = rest.split(END)[1]
    write_text(path, f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}")
    return True


def update_documents(paths: Sequence[Path], text: str) -> None:
    """`put_between_markers` in each; one without markers is named in the log and stays."""
    for path in paths:
        if put_between_markers(path, text):
            logger.info("table -> %s", path)
        else:
            logger.warning("%s has no '%s': it stays as it is", path, BEGIN)
