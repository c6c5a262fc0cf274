"""`python -m src.programs VERB ...`: the command `modnet` where it is not installed."""

from ..common.cli import run_command
from .modnet import main

run_command(main)
