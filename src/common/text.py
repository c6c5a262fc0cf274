"""Small helpers for text: the nearest name, natural order, the first few of many, counts."""

import difflib
import re
from collections.abc import Iterable

_SHOWN = 5


def nearest(name: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' for a name close to a known one, else ' Known are: ...'; for the end of a message."""
    known = sorted(known)
    lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(str(name).lower(), lower, n=1, cutoff=0.6)
    return f" Did you mean `{lower[close[0]]}`?" if close else f" Known are: {', '.join(known)}."


def truth_of(text: str) -> bool:
    """`True`, `yes`, `1` or `False`, `no`, `0`, in any case of letters; ValueError for anything else."""
    lower = text.lower()
    if lower in ("true", "yes", "1"):
        return True
    if lower in ("false", "no", "0"):
        return False
    raise ValueError(text)


def natural_order(names: Iterable[str]) -> list[str]:
    """Sorted with runs of digits compared as numbers; the same on every machine."""
    return sorted(names, key=lambda name: [_run_key(run) for run in re.findall(r"\d+|\D+", name)])


def _run_key(run: str) -> tuple[bool, int, str]:
    number = run.isdecimal()
    return not number, int(run) if number else 0, run


def first_few(names: list[str]) -> str:
    """'a, b, c, d, e and 7 more'."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def count_of(number: int, one: str) -> str:
    """'1 image', '2 images', '0 batches'; `one` is the noun in the singular."""
    return f"{number} {one if number == 1 else plural(one)}"


def plural(one: str) -> str:
    """Regular plural of an English noun: 'images', 'batches'."""
    return f"{one}es" if one.endswith(("s", "x", "ch", "sh")) else f"{one}s"
