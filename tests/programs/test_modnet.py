"""`modnet VERB`: one command over all programs."""

from importlib import import_module

import pytest

from src import __version__, programs
from src.common import cli
from src.model_file.listing import listing
from src.programs import modnet
from tests.support.programs import run_main


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_every_verb(arguments):
    done = run_main(modnet.main, *arguments)
    assert done.status == 0
    for verb, (_, what) in modnet.VERBS.items():
        assert any(line.split(maxsplit=1) == [verb, what] for line in done.out.splitlines()), verb


def test_version():
    assert run_main(modnet.main, "--version").out == f"modnet {__version__}\n"


def test_the_released_models_are_listed():
    done = run_main(modnet.main, "models")
    assert (done.status, done.out) == (0, listing() + "\n")


@pytest.mark.parametrize("verb", modnet.VERBS)
def test_every_verb_is_a_program_with_help(verb):
    assert callable(import_module(f"src.programs.{modnet.VERBS[verb][0]}").main)
    done = run_main(modnet.main, verb, "--help")
    assert done.status == 0 and done.out.startswith(f"usage: modnet {verb} ")


def test_an_unknown_verb_names_the_nearest():
    assert "There is no verb `infre`. Did you mean `infer`?" in run_main(modnet.main, "infre").assert_refused()


@pytest.mark.parametrize("program", ["eval", "train", "export", "infer"])
def test_a_missing_requirement_is_one_line(program, monkeypatch, capsys):
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'cv2'", name="cv2.dnn")

    monkeypatch.setattr(cli, "import_module", missing)
    with pytest.raises(SystemExit) as ended:
        programs.run(program)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert (
        error.startswith(f"error: `{program}.py` needs cv2, which is not installed. Run: ") and error.count("\n") == 1
    )


def test_a_missing_module_of_our_own_is_our_fault():
    with pytest.raises(ModuleNotFoundError, match=r"src\.programs\.absent"):
        cli.call_main("src.programs.absent", "absent.py")
