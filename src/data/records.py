"""A data set in a few large files (MindRecord), read at random and without MindSpore; see src/data/record_writer.py."""

import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import ConfigError, DataError
from ..common.files import read_json, sha256_of
from ..config.dataset import DatasetSpec

MANIFEST = "records.json"
FORMAT = 1
HEADER_BYTES, PAGE_BYTES = 1 << 20, 1 << 25  # of every shard; MindRecord's own default page
SOURCE_KEYS = ("name", "img_subpath", "alpha_subpath", "fg_names")
_MAKE = "Make the records with: python data/make_records.py CONFIG --output DIR"
AGAIN = "Copy it again, or remove it and run the command that made the records again."


@dataclass(frozen=True)
class Shard:
    """One MindRecord file (its index is FILE.db beside it): how many images, how many bytes, and their hash."""

    file: str
    pictures: int
    bytes: int
    sha256: str


class Records:
    """The images of a record folder by number: 0, 1, 2, ... as `find_pairs` ordered them.

    A shard is what MindSpore's FileWriter wrote, with the fields `name`, `image` (an encoded image) and `alpha`
    (greyscale PNG), and MindDataset can read it. Its index, an SQLite file, tells where each sample lies; from there
    on plain reads do, so that any process may read any sample in any order.
    """

    def __init__(self, root: str | Path) -> None:
        """Check that all files are there, whole by their size, and read their indices; no image is touched.

        Raises:
            DataError: no finished record folder, one of another program or format, a shard missing or cut.
        """
        self.root = Path(root)
        manifest = _read_manifest(self.root)
        self.shards: list[Shard] = manifest["files"]
        self.source: dict[str, str | None] = manifest["source"]
        for shard in self.shards:
            _check_size(self.root / shard.file, shard)
        indices = [read_index(self.root / shard.file) for shard in self.shards]
        for shard, (names, _) in zip(self.shards, indices, strict=True):
            if len(names) != shard.pictures:
                raise DataError(
                    f"The index '{shard.file}.db' in '{root}' lists {len(names)} images, its shard has "
                    f"{shard.pictures}. {AGAIN}"
                )
        self.names = [name for names, _ in indices for name in names]
        self._spans = np.concatenate([spans for _, spans in indices])
        self._shard_of = np.repeat(np.arange(len(self.shards)), [shard.pictures for shard in self.shards])

    def __len__(self) -> int:
        return len(self.names)

    def place(self, index: int) -> Path:
        """The shard that holds a sample."""
        return self.root / self.shards[self._shard_of[index]].file

    def read(self, index: int) -> tuple[bytes, bytes]:
        """Encoded image and encoded alpha of a sample; DataError where they cannot be read."""
        return read_sample(self.place(index), *self._spans[index].tolist())

    def damaged(self) -> list[str]:
        """Shards whose content is not what was written; reads all of them."""
        return [shard.file for shard in self.shards if sha256_of(self.root / shard.file) != shard.sha256]

    def check_source(self, spec: DatasetSpec) -> None:
        """ConfigError where a section's keys say another source than the records were made from."""
        for key, stored in self.source.items():
            if getattr(spec, key) != stored:
                raise ConfigError(
                    f"The records in '{self.root}' were made with `{key}: {stored}`, the section says "
                    f"{getattr(spec, key)!r}. Set it to that, or make records of this section."
                )


def read_index(path: Path) -> tuple[list[str], np.ndarray]:
    """Names of a shard's samples, and int64 [N, 2]: first byte and number of bytes of each.

    A shard is a header and then pages of a fixed size. The index gives a sample's page and its bytes in there.
    """
    columns = "name_0, PAGE_ID_BLOB, PAGE_OFFSET_BLOB, PAGE_OFFSET_BLOB_END"
    address = Path(f"{path}.db").resolve().as_uri() + "?immutable=1"  # read only, without locks
    try:
        with closing(sqlite3.connect(address, uri=True)) as db:
            rows = db.execute(f"SELECT {columns} FROM INDEXES ORDER BY ROW_ID").fetchall()
    except sqlite3.Error as error:
        raise DataError(f"The index '{path}.db' cannot be read ({error}). {AGAIN}") from error
    places = np.array([row[1:] for row in rows], np.int64).reshape(-1, 3)
    first = HEADER_BYTES + PAGE_BYTES * places[:, 0] + places[:, 1]
    return [row[0] for row in rows], np.stack([first, places[:, 2] - places[:, 1]], axis=1)


def read_sample(path: Path, first: int, length: int) -> tuple[bytes, bytes]:
    """The fields `image` and `alpha` of one sample.

    Stored are the length of what follows (8 bytes, little-endian), then each field in the order of their names after
    its own length (8 bytes, big-endian).
    """
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(first)
            data = file.read(length)
    except OSError as error:
        raise DataError(f"Cannot read the records '{path}': {error.strerror or error}.") from error
    alpha_end = 16 + int.from_bytes(data[8:16], "big")
    image_from = alpha_end + 8
    whole = len(data) == length > 24 and struct.unpack_from("<Q", data)[0] == length - 8
    if not whole or image_from + int.from_bytes(data[alpha_end:image_from], "big") != length:
        raise DataError(f"The sample at byte {first} of '{path}' is damaged. {AGAIN}")
    return data[image_from:], data[16:alpha_end]


def _read_manifest(root: Path) -> dict[str, Any]:
    """The manifest with its shards as `Shard` and its source's keys, checked."""
    path = root / MANIFEST
    if not path.is_file():
        begun = any(root.glob("*.mindrecord"))
        cure = "They are not finished: run the command that makes them again." if begun else _MAKE
        raise DataError(f"There are no records in '{root}' ({MANIFEST} is missing). {cure}")
    try:
        manifest = read_json(path)
        found, source = manifest["format"], manifest["source"]
        manifest["files"] = [Shard(**entry) for entry in manifest["files"]]
        manifest["source"] = {key: source[key] for key in SOURCE_KEYS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"'{path}' is not a manifest of data/make_records.py ({error!r}). {_MAKE}") from error
    if found != FORMAT:
        raise DataError(f"'{path}' is of format {found}, this program reads {FORMAT}. {_MAKE}")
    return manifest


def _check_size(path: Path, shard: Shard) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"The shard '{path}' cannot be read ({error.strerror}). {AGAIN}") from error
    if size != shard.bytes:
        raise DataError(f"The shard '{path}' has {size} bytes, {shard.bytes} were written. {AGAIN}")
