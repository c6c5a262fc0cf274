"""The variants fp16 and bf16: one file for both, opened in f32 or in bf16."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..evaluation.results import EvalResult
from .float16 import write_fp16
from .manifest import ManifestEntry
from .options import Variant
from .session import Session


@dataclass(frozen=True)
class HalfFile:
    """A published fp16 file, its note and its scores in f32."""

    path: Path
    note: dict[str, Any]
    result: EvalResult | None


class HalfFiles:
    """The fp16 files of a session, one for each backend; written once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.made: dict[str, HalfFile] = {}

    def make(self, variant: Variant) -> ManifestEntry:
        """The manifest's entry of an fp16 or bf16 variant, whose file is written unless it is there."""
        file = self._file(variant.type)
        result = file.result
        if variant.dtype == "bf16":
            scorer = self.session.scorer
            result = scorer.score(file.path, variant.precision) if scorer else None
        return self.session.entry(file.path, variant, file.note, result)

    def _file(self, backend: str) -> HalfFile:
        if backend not in self.made:
            self.made[backend] = self._write(Variant("fp16", backend))
        return self.made[backend]

    def _write(self, variant: Variant) -> HalfFile:
        session, scorer = self.session, self.session.scorer
        staged = session.path(session.staging, variant)
        write_fp16(session.source, session.source.contract, staged)
        result, note = None, {"dtype": "fp16"}
        if scorer:
            result, note = scorer.score(staged), note | scorer.note(staged)
        return HalfFile(session.publish(staged, variant, note, result), note, result)
