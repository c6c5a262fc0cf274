"""A hundred malformed inputs over all programs: refused in words, or used where they are only unusual.

`bash scripts/faults.sh 1000 --seed 7` tries others; docs/faults.md has the table of a long run.
"""

import pytest

from tests.support.faults.case import GENERATORS, Case, Ended, faults, generate
from tests.support.faults.harness import Runner
from tests.support.faults.world import make_world

pytestmark = pytest.mark.slow
NUMBER, SEED = 112, 5


def test_malformed_inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("malformed")
    cases = list(generate(NUMBER, SEED, make_world(root / "world"), root / "cases"))
    assert len({case.kind for case in cases}) == len(GENERATORS) == 14
    assert len({case.program for case in cases}) >= 18
    with Runner(root / "run") as runner:
        tried = list(runner.try_all(cases))
        left = sorted(path.name for path in runner.folder.iterdir())
    assert [one.report() for one in tried if one.faults] == []
    assert left == ["said.txt"]  # nothing lies in the folder in which the programs were started
    refused = sum(one.ended.status != 0 for one in tried)
    assert refused >= 0.8 * NUMBER


def test_the_judge():
    """Every kind of fault is one: a judge that never complains would let all inputs pass."""
    case = Case("a", "infer", ())
    said = "error: no\n"
    assert faults(case, Ended(2, said, 0.1)) == []
    assert faults(case, Ended(None, "", 20)) == ["no end within 20 s"]
    assert faults(case, Ended(-11, "", 0.1)) == ["ended by signal 11"]
    assert faults(case, Ended(0, "", 0.1)) == ["status 0, expected 2"]
    assert faults(case, Ended(2, "", 0.1)) == ["a failure without a word"]
    assert faults(case, Ended(2, said * 1000, 0.1)) == ["an answer of 10000 characters"]
    text = "Traceback (most recent call last):\n  ...\nKeyError: error: x\n"
    assert faults(case, Ended(1, text, 0.1)) == ["a traceback", "status 1, expected 2"]


def test_the_judge_looks_at_files(tmp_path):
    case = Case("a", "infer", (), (0, 2), tmp_path / "out", (tmp_path / "matte.png",))
    said = "error: no\n"
    assert faults(case, Ended(2, said, 0.1)) == []
    assert faults(case, Ended(0, "", 0.1)) == ["status 0, but no matte.png"]
    (tmp_path / "out" / "below").mkdir(parents=True)
    assert faults(case, Ended(2, said, 0.1)) == ["an output without content is left though the input was refused"]
    (tmp_path / "out" / "below" / "one.png").touch()  # what was done before the mistake was found
    assert faults(case, Ended(2, said, 0.1)) == []


def test_a_worker_that_ends_or_never_ends(tmp_path, monkeypatch):
    """The next case is tried all the same, in a new process."""
    with Runner(tmp_path / "run") as runner:
        ended = runner.run(Case("a", "models", ()))
        assert ended.status == 0 and "modnet-p" in ended.text
        assert runner._process is not None
        runner._process.kill()
        assert runner.run(Case("a", "models", ())).status == -9
        with monkeypatch.context() as patch:
            patch.setattr("tests.support.faults.harness.LONGEST", 0.0)  # whatever it does, it takes too long
            assert runner.run(Case("a", "models", ())).status is None
        assert runner.run(Case("a", "models", ("--help",))).status == 0
