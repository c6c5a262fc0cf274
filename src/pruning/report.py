"""What pruning did: layer by layer, as numbers, as text and as a diagram."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mindspore import nn

from ..common.files import whole_file, write_text
from ..models.costs import LayerCost, count
from ..models.narrowing import part_of

CONVENTIONS = {
    "parameters_published": "those of convolutions and dense layers alone, without norms",
    "macs": "deployed: multiplications of convolutions and dense layers at inference, 512x512",
    "macs_with_heads": "the same with the heads that only training needs",
    "macs_published": "with heads, plus biases, norms (2 a batch-normalised number), activations and pooling",
}
_LABELS = {"Conv2d": "Conv", "NormAct": "Norm", "SqueezeExcite": "Gate"}


@dataclass(frozen=True)
class LayerChange:
    """One layer before and after; `widths` as in `src.models.costs.Use`, MACs with heads."""

    name: str
    label: str
    part: str
    training_only: bool
    widths: tuple[tuple[int, ...], tuple[int, ...]]
    parameters: tuple[int, int]
    macs: tuple[int, int]

    def line(self) -> str:
        """`Conv 96 => 48` with the layer's name, parameters and MACs."""
        before, after = ("+".join(map(str, widths)) for widths in self.widths)
        costs = f"{_arrow(self.parameters)} parameters"
        if self.macs[0]:
            costs += f", {_arrow(self.macs)} MACs{' (training only)' if self.training_only else ''}"
        return f"{self.name:<34} {self.label} {before} => {after}".ljust(62) + costs


@dataclass(frozen=True)
class PruneReport:
    """What went, as report.json holds it.

    Attributes:
        network: its class, "modnet" or "mmnet".
        source: name and SHA-256 of the checkpoint that was pruned.
        strategy: how the channels were chosen, by its name.
        settings: the numbers behind that by name.
        recalibrated: batches that the batch norms' statistics were renewed with; 0: they are the old ones.
        totals: before and after by name.
        parts: the same for each part (deployed MACs).
        layers: each layer before and after, in the network's order.
        latency: milliseconds "dense", "predicted" and "measured" for the target's size; None for other targets.
    """

    network: str
    source: dict[str, str]
    strategy: str
    settings: dict[str, Any]
    recalibrated: int
    totals: dict[str, tuple[int, int]]
    parts: dict[str, dict[str, tuple[int, int]]]
    layers: tuple[LayerChange, ...]
    latency: dict[str, float] | None = None

    def to_text(self, layers: bool = True) -> str:
        """The report as report.txt holds it: totals, parts, and with `layers` a line for each layer."""
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        lines = [f"Pruned {self.source['file']}: {self.strategy} ({settings})", ""]
        lines += [f"{name:<20} {_total(values)}" for name, values in self.totals.items()]
        lines.append(f"{'as tables publish':<20} {_published(self.totals)}")
        if self.latency:
            lines.append("latency, ms".ljust(21) + "{dense:.2f} => {measured:.2f} ({predicted:.2f} predicted)".format(
                **self.latency))  # fmt: skip
        lines += ["", *(f"{name}: {text}" for name, text in CONVENTIONS.items()), ""]
        for part, costs in self.parts.items():
            lines.append(f"{part:<10} parameters {_total(costs['parameters'])}, MACs {_total(costs['macs'])}")
        each = ["", *(layer.line() for layer in self.layers)] if layers else []
        return "\n".join([*lines, *each, ""])

    def save(self, folder: Path) -> None:
        """Write report.json, report.txt and report.png."""
        write_text(folder / "report.json", json.dumps(asdict(self) | {"conventions": CONVENTIONS}, indent=1))
        write_text(folder / "report.txt", self.to_text())
        draw(self, folder / "report.png")


def compare(
    before: nn.Cell,
    after: nn.Cell,
    source: dict[str, str],
    strategy: str,
    settings: dict[str, Any],
    recalibrated: int,
    latency: dict[str, float] | None = None,
) -> PruneReport:
    """The report on a network and its pruned form."""
    old, new = count(before), count(after)
    layers = tuple(
        _change(a, b, part_of(before, a.name), a.name not in old.deployed)
        for a, b in zip(old.layers, new.layers, strict=True)
    )
    names = ("parameters", "parameters_published", "macs", "macs_with_heads", "macs_published")
    return PruneReport(
        network=before.spec.network,
        source=source,
        strategy=strategy,
        settings=settings,
        recalibrated=recalibrated,
        totals={name: (getattr(old, name), getattr(new, name)) for name in names},
        parts={part: _part(layers, part) for part in dict.fromkeys(layer.part for layer in layers)},
        layers=layers,
        latency=latency,
    )


def _change(before: LayerCost, after: LayerCost, part: str, training_only: bool) -> LayerChange:
    return LayerChange(
        name=before.name,
        label=_LABELS.get(before.kind, before.kind),
        part=part,
        training_only=training_only,
        widths=(before.widths, after.widths),
        parameters=(before.parameters, after.parameters),
        macs=(before.macs, after.macs),
    )


def _part(layers: tuple[LayerChange, ...], part: str) -> dict[str, tuple[int, int]]:
    mine = [layer for layer in layers if layer.part == part]
    deployed = [layer for layer in mine if not layer.training_only]
    return {
        "parameters": (sum(layer.parameters[0] for layer in mine), sum(layer.parameters[1] for layer in mine)),
        "macs": (sum(layer.macs[0] for layer in deployed), sum(layer.macs[1] for layer in deployed)),
    }


def _arrow(values: tuple[int, int]) -> str:
    return f"{values[0]:,} => {values[1]:,}"


def _total(values: tuple[int, int]) -> str:
    before, after = values
    return f"{_arrow(values)} ({1 - after / before:.1%} less)" if before else _arrow(values)


def _published(totals: dict[str, tuple[int, int]]) -> str:
    """The figures as MODNet's and ModelCompression's tables have them: millions cut, billions rounded to two digits."""

    def millions(name: str) -> str:
        return " => ".join(f"{value // 10_000 / 100:.2f}" for value in totals[name]) + " M"

    def billions(name: str) -> str:
        return " => ".join(f"{value / 1e9:.2f}" for value in totals[name]) + " G"

    return (
        f"parameters {millions('parameters_published')} (convolutions and dense layers) or {millions('parameters')} "
        f"(all); MACs {billions('macs_with_heads')} (with heads) or {billions('macs_published')} (with norms too)"
    )


def draw(report: PruneReport, path: Path) -> None:
    """Kept of all channels, one bar for each convolution, in the network's order."""
    from matplotlib.figure import Figure

    layers = [layer for layer in report.layers if layer.macs[0]]
    figure = Figure(figsize=(max(8, 0.22 * len(layers)), 6), layout="constrained")
    axes = figure.subplots()
    places = range(len(layers))
    for i, part in enumerate(report.parts):
        mine = [k for k in places if layers[k].part == part]
        color = f"C{i}"
        axes.bar(mine, [layers[k].widths[0][-1] for k in mine], color=color, alpha=0.25)
        axes.bar(mine, [layers[k].widths[1][-1] for k in mine], color=color, label=part)
    before, after = report.totals["macs"]
    axes.set(yscale="log", ylabel="channels: kept (dark) of all (light)", xlim=(-1, len(layers)))
    axes.set_title(
        f"{report.source['file']}, {report.strategy}: {_billions(before)} => {_billions(after)} deployed MACs, "
        f"{report.totals['parameters'][0]:,} => {report.totals['parameters'][1]:,} parameters"
    )
    axes.set_xticks(list(places), [layer.name.removesuffix(".conv") for layer in layers], rotation=90, fontsize=6)
    axes.legend()
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=100)


def _billions(macs: int) -> str:
    return f"{macs / 1e9:.3f} G"
