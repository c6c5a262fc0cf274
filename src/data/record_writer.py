"""Write a data set's images and alphas into a few MindRecord files, to be read by src/data/records.py."""

import hashlib
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from ..common.errors import ConfigError, DataError, OutputError
from ..common.files import sha256_of
from ..common.processes import run_jobs
from ..config.dataset import DatasetSpec
from ..imaging import (
    AlphaChannels,
    check_same_size,
    decode_alpha,
    decode_image,
    encode_alpha,
    encode_jpeg,
    read_file,
    resize,
    short_side_size,
)
from .builders.claim import claim_output, release_output
from .pairs import Pair, find_pairs
from .records import FORMAT, HEADER_BYTES, MANIFEST, PAGE_BYTES, SOURCE_KEYS, Shard, read_index, read_sample

IMAGES_PER_SHARD = 512
_AT_ONCE = 16  # samples handed to the writer together
_PAGE_OVERHEAD = 64


@dataclass(frozen=True)
class Encoding:
    """How a pair is stored.

    Attributes:
        short_side: images with a longer shorter side are shrunk to this one; None keeps every image.
        quality: JPEG quality (without chroma subsampling) of those that are shrunk. All others are kept byte for
            byte. Alphas are PNG without loss either way, written so as to be read fast.
        allow_rgb: read alphas with three equal channels.
    """

    short_side: int | None
    quality: int
    allow_rgb: AlphaChannels

    def __post_init__(self) -> None:
        if self.short_side is not None and self.short_side < 32:
            raise ConfigError(f"--short_side is {self.short_side}; give 32 or more, or leave it out.")
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"--quality is {self.quality}; give 1 to 100.")


@dataclass(frozen=True)
class ShardJob:
    """One shard to be written."""

    path: Path
    pairs: tuple[Pair, ...]
    encoding: Encoding

    @property
    def finished(self) -> bool:
        """Whether it is written: the index is put in place before the shard, so the shard alone tells."""
        return self.path.is_file()


def write_records(spec: DatasetSpec, output: Path, encoding: Encoding, shards: int | None, workers: int) -> int:
    """Write the shards that are not there yet, then the manifest; returns how many were written.

    Raises:
        ConfigError: AMD composed on the fly has no images to store; a number of shards that cannot be.
        DataError: a file cannot be read or is too large.
        OutputError: the folder holds something else; see `claim_output`.
    """
    if spec.name == "AMD" and spec.img_subpath is None:
        raise ConfigError("AMD composed while training cannot be stored: give its merged images as `img_subpath`.")
    pairs = find_pairs(spec)
    count = -(-len(pairs) // IMAGES_PER_SHARD) if shards is None else shards
    if not 1 <= count <= len(pairs):
        raise ConfigError(f"--shards is {count}; give 1 to {len(pairs)}, the number of images.")
    expected = {
        "format": FORMAT,
        "source": {key: getattr(spec, key) for key in SOURCE_KEYS},
        "content": _fingerprint(pairs),
        "shards": count,
        **asdict(encoding),
    }
    claim_output(output, MANIFEST, expected)
    jobs = _jobs(pairs, output, count, encoding)
    written = sum(1 for _ in run_jobs(write_shard, [job for job in jobs if not job.finished], workers, "shards"))
    if written or not (output / MANIFEST).is_file():
        release_output(output, MANIFEST, {"files": [asdict(_shard(job)) for job in jobs]})
    return written


def _fingerprint(pairs: list[Pair]) -> str:
    """Hash of all names and file sizes: that a rerun goes on with the same set."""
    text = "".join(f"{p.name}\0{p.image.stat().st_size}\0{p.alpha.stat().st_size}\n" for p in pairs)
    return hashlib.sha256(text.encode()).hexdigest()


def _jobs(pairs: list[Pair], output: Path, count: int, encoding: Encoding) -> list[ShardJob]:
    edges = [len(pairs) * k // count for k in range(count + 1)]
    return [
        ShardJob(output / f"records-{k:04d}-of-{count:04d}.mindrecord", tuple(pairs[edges[k] : edges[k + 1]]), encoding)
        for k in range(count)
    ]


def _shard(job: ShardJob) -> Shard:
    return Shard(job.path.name, len(job.pairs), job.path.stat().st_size, sha256_of(job.path))


def write_shard(job: ShardJob) -> None:
    """Write one shard and its index, whole or not at all, and read it back."""
    # MindRecord keeps a shard's name inside it, so that it is made under its own name in a folder of its own.
    folder = job.path.parent / f".{job.path.stem}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        part = folder / job.path.name
        sums = _write(part, job)
        _verify(part, job, sums)
        for name in (f"{part.name}.db", part.name):
            os.chmod(folder / name, 0o644)
            os.replace(folder / name, job.path.parent / name)
    except OSError as error:
        raise OutputError(
            f"Cannot write '{job.path}' ({error.strerror or error}). Free the disk or give another --output."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, job: ShardJob) -> list[bytes]:
    """Write with MindSpore's FileWriter; returns a digest of each sample."""
    os.environ.setdefault("GLOG_v", "3")
    try:
        from mindspore.mindrecord import FileWriter
    except ImportError as error:
        raise OutputError("Records are written with MindSpore, which is not installed here (see scripts/setup.sh); "
                          "to read them it is not needed.") from error  # fmt: skip
    writer = FileWriter(str(path), shard_num=1)
    writer.set_header_size(HEADER_BYTES)
    writer.set_page_size(PAGE_BYTES)
    writer.add_schema({"name": {"type": "string"}, "image": {"type": "bytes"}, "alpha": {"type": "bytes"}}, "matting")
    writer.add_index(["name"])
    digests = []
    try:
        for start in range(0, len(job.pairs), _AT_ONCE):
            samples = [_encode(pair, job.encoding) for pair in job.pairs[start : start + _AT_ONCE]]
            digests += [sample.digest for sample in samples]
            writer.write_raw_data([asdict(sample) for sample in samples])
        writer.commit()
    except RuntimeError as error:  # what MindRecord's own errors are: pages of text round one line
        reason = next((line for line in str(error).splitlines() if line.startswith("[ERROR]")), str(error))
        raise OutputError(
            f"MindSpore cannot write '{job.path}': {reason}. Free the disk or give another --output; what is finished "
            "is kept."
        ) from error
    return digests


def _verify(path: Path, job: ShardJob, digests: list[bytes]) -> None:
    """Read all back: how MindRecord lays out a file is its own affair and may change with its version."""
    names, spans = read_index(path)
    found = [_digest(*read_sample(path, *span)) for span in spans.tolist()]
    if names != [pair.name for pair in job.pairs] or found != digests:
        raise OutputError(
            f"'{job.path.name}' does not read back as it was written: this MindSpore lays MindRecord files out "
            "otherwise than 2.10. Install the pinned version (requirements.txt), or train from the files."
        )


def _digest(image: bytes, alpha: bytes) -> bytes:
    return hashlib.sha256(image).digest() + hashlib.sha256(alpha).digest()


@dataclass(frozen=True)
class _StoredSample:
    """One sample as it is stored: an image of any format and a greyscale PNG."""

    name: str
    image: bytes
    alpha: bytes

    @property
    def digest(self) -> bytes:
        """What the sample is compared by after it was written."""
        return _digest(self.image, self.alpha)


def _encode(pair: Pair, encoding: Encoding) -> _StoredSample:
    data = read_file(pair.image)
    image, _ = decode_image(data, pair.image)
    alpha = decode_alpha(read_file(pair.alpha), pair.alpha, encoding.allow_rgb)
    check_same_size(image, alpha, (pair.image, pair.alpha))
    if encoding.short_side is not None and min(alpha.shape) > encoding.short_side:
        height, width = alpha.shape
        height, width = short_side_size(height, width, encoding.short_side, multiple=1)
        data = encode_jpeg(resize(image, height, width), encoding.quality, full_chroma=True)
        alpha = resize(alpha, height, width)
    sample = _StoredSample(pair.name, data, encode_alpha(alpha))
    if len(sample.image) + len(sample.alpha) > PAGE_BYTES - _PAGE_OVERHEAD:
        raise DataError(f"'{pair.image}' is too large for a record of {PAGE_BYTES >> 20} MiB: give --short_side.")
    return sample
