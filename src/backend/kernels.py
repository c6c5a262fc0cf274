"""Which kernels the MindSpore wheel registers for GPU and Ascend, read from its libraries without loading them.

A library registers its kernels by name in its static initialisers. So a primitive has a kernel where an initialiser
refers to the primitive's name for itself alone. Lists that every source file takes over from a header are passed by:
the same two names stand beside each other in many initialisers there.

One library is for the processor of an Ascend card itself (AI CPU), with another instruction set. Its kernels are known
by their classes, whose names C++ keeps in the file.
"""

import importlib.util
import mmap
import re
import struct
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..common.errors import DeviceError

# Where a device's kernels are, best evidence first: the kind of kernel, and the library below `mindspore/lib/plugin`.
LIBRARIES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "GPU": (("kernel", "libmindspore_gpu.so.11.6"),),
    "Ascend": (
        ("aclnn kernel", "libmindspore_ops_ascend.so"),
        ("graph operator", "ascend/libmindspore_ascend_res_manager.so"),
        ("graph operator", "libmindspore_ascend.so.2"),
    ),
}
_CARD = {"Ascend": ("AI CPU kernel", "ascend/libmindspore_cpu_kernels.so")}
_CARD_CLASS = re.compile(rb"\0N5aicpu\d+(\w+)KernelE\0")
_SHARED = 3  # initialisers; names that stand together in more of them come from a header
_LONGEST = 60  # characters of a primitive's name
_REACH = 1 << 17  # bytes of code that the last initialiser may have
_RELATIVE = 8  # R_X86_64_RELATIVE


def wheel_kernels(device: str) -> dict[str, str]:
    """The kind of kernel, by the primitives' names, that the installed wheel registers for "GPU" or "Ascend"."""
    spec = importlib.util.find_spec("mindspore")
    if spec is None or not spec.submodule_search_locations:
        raise DeviceError("MindSpore is not installed here. Install it: pip install -r requirements.txt")
    plugins = Path(spec.submodule_search_locations[0]) / "lib" / "plugin"
    readers = [(*library, registered_names) for library in LIBRARIES[device]]
    if device in _CARD:
        readers.append((*_CARD[device], card_names))
    found: dict[str, str] = {}
    for kind, name, names_of in readers:
        if not (plugins / name).is_file():
            raise DeviceError(f"{plugins / name} is not there: this MindSpore holds no {device} kernels to look into.")
        found = dict.fromkeys(names_of(plugins / name), kind) | found
    return found


def card_names(library: Path) -> set[str]:
    """Names of the kernels that a card's own processor computes."""
    return {name.decode().removesuffix("Cpu") for name in _CARD_CLASS.findall(library.read_bytes())}


def registered_names(library: Path) -> set[str]:
    """Names that the static initialisers of an x86-64 ELF library refer to for themselves alone."""
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        sections = _sections(data)
        starts = _initialisers(data, sections)
        if not len(starts):
            return set()
        where, to = _references(data, sections)
        text = sections[".rodata"]
        inside = (to >= text.address) & (to < text.address + text.size)
        longest = min(_REACH, int(np.diff(starts).max(initial=_REACH if len(starts) == 1 else 0)))
        inside &= (where >= starts[0]) & (where < starts[-1] + longest)
        owners = np.searchsorted(starts, where[inside], side="right")
        places = to[inside] - text.address + text.offset
        names = {place: _name(data, place) for place in set(places.tolist())}
    return _alone([(names[place], owner) for place, owner in zip(places.tolist(), owners.tolist(), strict=True)])


@dataclass(frozen=True)
class _Section:
    """Part of a library: where it lies in memory and in the file, and its bytes."""

    address: int
    offset: int
    size: int


def _sections(data: mmap.mmap) -> dict[str, _Section]:
    """The sections of an ELF file by name."""
    (table,) = struct.unpack_from("<Q", data, 40)
    each, count, names = struct.unpack_from("<HHH", data, 58)
    heads = [struct.unpack_from("<IIQQQQ", data, table + i * each) for i in range(count)]
    start = heads[names][4]
    return {
        data[start + head[0] : data.find(b"\0", start + head[0])].decode(): _Section(head[3], head[4], head[5])
        for head in heads
    }


def _initialisers(data: mmap.mmap, sections: Mapping[str, _Section]) -> np.ndarray:
    """Addresses [N], int64 and rising, of the functions that run when the library is loaded."""
    array, moves = sections.get(".init_array"), sections.get(".rela.dyn")
    if array is None or moves is None:
        return np.empty(0, np.int64)
    rows = np.frombuffer(data[moves.offset : moves.offset + moves.size], np.int64).reshape(-1, 3)
    inside = (rows[:, 0] >= array.address) & (rows[:, 0] < array.address + array.size) & (rows[:, 1] == _RELATIVE)
    return np.sort(rows[inside, 2])


def _references(data: mmap.mmap, sections: Mapping[str, _Section]) -> tuple[np.ndarray, np.ndarray]:
    """Addresses [N], int64: of the code's instructions `lea register, [rip + distance]`, and what they point to."""
    text = sections[".text"]
    code = np.frombuffer(data[text.offset : text.offset + text.size], np.uint8)
    at = np.flatnonzero((code[:-7] & 0xF8 == 0x48) & (code[1:-6] == 0x8D) & (code[2:-5] & 0xC7 == 5))
    distance = np.stack([code[at + 3 + i] for i in range(4)], axis=1).copy().view("<i4")[:, 0]
    return text.address + at, text.address + at + 7 + distance


def _name(data: mmap.mmap, place: int) -> str:
    """The identifier at a place of the file, "" where there is none."""
    end = data.find(b"\0", place, place + _LONGEST)
    text = data[place:end].decode("latin1") if end > place else ""
    return text if text.isidentifier() and text.isascii() else ""


def _alone(references: list[tuple[str, int]]) -> set[str]:
    """Names of which one reference at least has no neighbour, before or after it, that it has in many initialisers."""
    references = [(name, owner) for name, owner in references if name]
    together: dict[tuple[str, str], set[int]] = defaultdict(set)
    for (first, owner), (second, other) in pairwise(references):
        if owner == other:
            together[first, second].add(owner)
    common = {pair for pair, owners in together.items() if len(owners) > _SHARED}
    found = set()
    padded = [("", 0), *references, ("", 0)]
    for (before, _), (name, _), (after, _) in zip(padded, padded[1:], padded[2:], strict=False):
        if (before, name) not in common and (name, after) not in common:
            found.add(name)
    return found
