"""What quantize.py calls: from a float model to its variants, measured, with a manifest."""

from ..common.files import own_folder, staging_folder
from ..common.log import logger
from .eight_bits import make_int8
from .half import HalfFiles
from .manifest import add_to_manifest
from .options import QuantizationJob
from .session import Material, Session


def quantise(job: QuantizationJob) -> int:
    """Make all variants of a job.

    Returns:
        How many could not be made because no choice of float layers keeps the accuracy budget; they leave a report
        and no model.

    Raises:
        MattingError: for whatever the user can fix; then no variant, or those before the faulty one, are there.
    """
    material = Material.of(job)
    folder = own_folder(job.output)
    with staging_folder(folder) as staging:
        return _make(Session(job, material, folder, staging))


def _make(session: Session) -> int:
    """Make all variants; see `quantise`."""
    session.check()
    job, folder, halves = session.job, session.folder, HalfFiles(session)
    made = [make_int8(session, v) if v.dtype == "int8" else halves.make(v) for v in job.backend]
    entries = [entry for entry in made if entry]
    if entries:
        logger.info("-> %s", add_to_manifest(folder, entries))
    return len(made) - len(entries)
