"""One malformed input for one program, the generators that make them, and what counts as a fault."""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.faults.world import World

LONGEST = 20.0  # seconds that a program may take to refuse
MOST_TEXT = 6000  # characters of an answer: more is a dump, not a message


@dataclass(frozen=True)
class Case:
    """What a program is given.

    Attributes:
        title: what is wrong with the input.
        program: module of `src.programs`.
        arguments: of its command line.
        expect: exit statuses that are right.
        output: what must not be there, or not without content, when the input was refused.
        leaves: what must be there after status 0.
        kind: of the generator.
        disk: bytes that a file can have at most, which stands in for a full disk; None for no limit.
    """

    title: str
    program: str
    arguments: tuple[str, ...]
    expect: tuple[int, ...] = (2,)
    output: Path | None = None
    leaves: tuple[Path, ...] = ()
    kind: str = ""
    disk: int | None = None


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit status (None: killed after `LONGEST`; below 0: by that signal), and all it said."""

    status: int | None
    text: str
    seconds: float


@dataclass(frozen=True)
class Place:
    """What a generator works with: random numbers, things to damage, an empty folder for what it makes."""

    rng: random.Random
    world: World
    folder: Path

    @property
    def output(self) -> Path:
        """A place for a program's results, where nothing is yet."""
        return self.folder / "out"


Generator = Callable[[Place], Case]
GENERATORS: dict[str, list[Generator]] = {}


def malformed(kind: str) -> Callable[[Generator], Generator]:
    """Register a generator of a kind; a generator may be there several times, to come more often."""

    def register(function: Generator) -> Generator:
        GENERATORS.setdefault(kind, []).append(function)
        return function

    return register


def generate(number: int, seed: int, world: World, root: Path) -> Iterator[Case]:
    """`number` cases, the kinds in turns, each case with files in a folder of its own below `root`."""
    from tests.support.faults import configs, exported, numbers, pictures, places, stores, weights

    assert all(
        (configs, exported, numbers, pictures, places, stores, weights)
    )  # imported to register what they generate
    kinds = sorted(GENERATORS)
    for i in range(number):
        kind, turn = kinds[i % len(kinds)], i // len(kinds)
        rng = random.Random(f"{seed} {i}")
        generators = GENERATORS[kind]
        folder = root / f"{i:04d}"
        folder.mkdir(parents=True)
        case = generators[(turn + seed) % len(generators)](Place(rng, world, folder))
        yield Case(**{**vars(case), "kind": kind})


def faults(case: Case, ended: Ended) -> list[str]:
    """What is wrong with how a program took a malformed input; empty where all is well."""
    if ended.status is None:
        return [f"no end within {LONGEST:.0f} s"]
    if ended.status < 0:
        return [f"ended by signal {-ended.status}"]
    found = []
    if "Traceback (most recent call last)" in ended.text:
        found.append("a traceback")
    if ended.status not in case.expect:
        found.append(f"status {ended.status}, expected {' or '.join(map(str, case.expect))}")
    if ended.status and not re.search(r"error: |ERROR|WARNING", ended.text):
        found.append("a failure without a word")
    if ended.status and len(ended.text) > MOST_TEXT:
        found.append(f"an answer of {len(ended.text)} characters")
    if ended.status == 2 and case.output is not None and _is_empty(case.output):
        found.append("an output without content is left though the input was refused")
    if ended.status == 0:
        found += [f"status 0, but no {path.name}" for path in case.leaves if not path.exists()]
    return found


def _is_empty(output: Path) -> bool:
    """Whether a file or a folder is there and holds nothing: what was done before a mistake was found may stay."""
    if output.is_dir():
        return not any(path.is_file() for path in output.rglob("*"))
    return output.is_file()
