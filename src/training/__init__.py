"""A training run: data in, checkpoints out, and going on where it stopped.

Start with `run.py`, the sequence of steps from a configuration to the loop in `trainer.py`. May import everything
below it; its validation is the same evaluation, through the same runtime, as that of `eval.py`.
"""
