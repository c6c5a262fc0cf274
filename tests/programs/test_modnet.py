"""`modnet VERB`: one command over all programs."""

from importlib import import_module

import pytest

from src import __version__
from src.model_file.releases import listing
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
