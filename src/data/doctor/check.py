"""Examine the data sets of a configuration before a training does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...common.errors import MattingError
from ...common.processes import run_jobs
from ...common.text import first_few
from ...config.config import load_config
from ...config.dataset import UNLABELLED, DatasetSpec
from ..pairs import Pair, files_by_stem, find_pairs, find_trimaps, folder_of, listed_files, match_folders, read_names
from ..records import AGAIN, Records
from ..sample_size import check_sample_sides
from ..samples import MattingSamples, check_transforms
from ..transforms import build_transforms
from ..unlabelled import UnlabelledSamples
from .inspect import ImageFacts, InspectionJob, inspect
from .report import Finding, findings_of, shared_images, statistics_text

SECTIONS = ("train_dataset", "val_dataset")


@dataclass(frozen=True)
class SectionReport:
    """What was found in one section of the configuration."""

    section: str
    title: str
    facts: list[ImageFacts]
    findings: list[Finding]

    def text(self) -> str:
        """The report as lines for the terminal."""
        parts = [f"{self.section}: {self.title}", statistics_text(self.facts)]
        return "\n".join(part for part in [*parts, *(finding.text() for finding in self.findings)] if part)


def check_config(config: str | Path, workers: int) -> Iterator[SectionReport]:
    """Report on each data set section that the configuration has, and then on images that both share.

    Raises:
        ConfigError: the file cannot be read or holds unknown keys.
    """
    data = load_config(config).data
    facts: dict[str, list[ImageFacts]] = {}
    for section in SECTIONS:
        spec = getattr(data, section)
        if spec is not None:
            report = check_section(section, spec, workers)
            facts[section] = report.facts
            yield report
    shared = shared_images(*(facts.get(section, []) for section in SECTIONS))
    if shared:
        yield SectionReport("both", "training against validation", [], [Finding("shared", shared)])


def verdict(config: str | Path, reports: Sequence[SectionReport], option_faults: int = 0) -> tuple[str, bool]:
    """One line that sums up all reports and faults of options, and whether training can start."""
    if not any(report.section in SECTIONS for report in reports):
        return f"{config} has neither `train_dataset` nor `val_dataset`; P3M.yml shows both.", False
    findings = [finding for report in reports for finding in report.findings]
    fatal = sum(finding.fatal for finding in findings)
    errors = fatal + option_faults
    end = "training would fail" if errors else "training can start"
    return f"{errors} kinds of error, {len(findings) - fatal} of warning: {end}.", not errors


def check_section(section: str, spec: DatasetSpec, workers: int) -> SectionReport:
    """Match the files, decode every one of them and gather what is wrong; of records, compare their hashes."""
    if spec.type == "MattingRecords":
        return _check_records(section, spec)
    findings = _check_transforms(section, spec)
    jobs: list[InspectionJob] = []
    try:
        pairs, lonely = _pairs(spec, section)
        findings.extend(lonely)
        _check_trimaps(spec, section)
        jobs = [InspectionJob(pair.name, pair.image, pair.alpha, spec.alpha_channels) for pair in pairs]
        if section == "train_dataset" and 0 < len(pairs) < spec.batch_size:
            findings.append(_setup(f"{len(pairs)} pairs are fewer than batch_size {spec.batch_size}: lower it."))
        if section == "train_dataset" and not findings:
            samples = UnlabelledSamples(spec) if spec.name == UNLABELLED else MattingSamples(spec, training=True)
            check_sample_sides(samples)
        jobs += [InspectionJob(path.stem, path, None, False) for path in _without_alpha(spec)]
    except MattingError as error:
        findings.append(_setup(str(error)))
    # Jobs end in any order; the report keeps that of the names.
    seen = dict(run_jobs(inspect, jobs, workers, section)) if jobs else {}
    facts = [seen[job] for job in jobs]
    title = f"{spec.name} in '{spec.dataset_root}', {len(jobs)} images"
    return SectionReport(section, title, facts, [*findings, *findings_of(facts)])


def _check_trimaps(spec: DatasetSpec, section: str) -> None:
    """DataError where the section names a folder of trimaps that lacks some."""
    for part in spec.parts():
        if part.trimap_subpath is not None:
            find_trimaps(folder_of(part, "trimap_subpath"), [pair.name for pair in _pairs(part, section)[0]])


def _check_transforms(section: str, spec: DatasetSpec) -> list[Finding]:
    try:
        if section == "train_dataset":
            check_transforms(spec, training=True)
        else:
            build_transforms(spec.transforms)
    except MattingError as error:
        return [_setup(str(error))]
    return []


def _setup(fault: str) -> Finding:
    """A fault of the configuration or the folders."""
    return Finding("setup", [fault])


def _check_records(section: str, spec: DatasetSpec) -> SectionReport:
    """What was stored was decoded when it was stored, so that only the bytes are looked at."""
    try:
        if section != "train_dataset":
            find_pairs(spec)  # says why records cannot be validated on
        samples = MattingSamples(spec, training=True)
        damaged = Records(spec.dataset_root).damaged()
        if not damaged:
            check_sample_sides(samples)
        title = f"records in '{spec.dataset_root}', {len(samples)} images"
        fault = f"Shards that are not as they were written: {first_few(damaged)}. {AGAIN}" if damaged else ""
    except MattingError as error:
        title, fault = f"records in '{spec.dataset_root}'", str(error)
    return SectionReport(section, title, [], [_setup(fault)] if fault else [])


def _pairs(spec: DatasetSpec, section: str) -> tuple[list[Pair], list[Finding]]:
    """The pairs that there are, and findings about files that stayed alone (which training refuses)."""
    if spec.name == UNLABELLED and section == "train_dataset":
        return [], []
    if spec.name in ("AMD", UNLABELLED):  # a validation set without alphas is refused there
        return find_pairs(spec), []
    match = match_folders(folder_of(spec, "img_subpath"), folder_of(spec, "alpha_subpath"))
    lonely = {"no alpha": match.without_alpha, "no image": match.without_image}
    return match.pairs[: spec.limit], [Finding(kind, names) for kind, names in lonely.items() if names]


def _without_alpha(spec: DatasetSpec) -> list[Path]:
    """Unlabelled images (videos are left to training, which reads them at once), or AMD's backgrounds."""
    if spec.name == UNLABELLED:
        folders = [(part.source, part.limit) for part in spec.parts() if not part.source.is_file()]
        return [path for folder, limit in folders for path in list(files_by_stem(folder).values())[:limit]]
    if spec.name != "AMD" or spec.img_subpath is not None:
        return []
    return list(listed_files(folder_of(spec, "bg_subpath"), read_names(spec, "bg_names")).values())
