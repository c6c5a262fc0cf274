"""Evaluation off line: images become input files, any program on any device makes output files, these are scored.

One chain, `prepare.py`, `infer.py` and `score.py`, works on two kinds of files, `npz_store.py` and `bin_store.py`. Both
keep to `store.py`; start there. Imports what `evaluation` may import.
"""
