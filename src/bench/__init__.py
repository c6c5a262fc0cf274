"""Benchmarks of models: milliseconds, images a second, memory and costs, of several models that take turns.

Start reading with `run.py`, a whole run of benchmark.py; `measure.py` keeps a process for each model, and `session.py`
is what happens inside of one. It may import `runtime` and what stands before it; MindSpore only for MACs.
"""
