"""Scores of any predictor on any data set: whole images and transition bands, comparisons, the worst images.

Start with `score.py`, which runs a network and scores its mattes; `comparison.py` is the work of eval.py, `results.py`
what it leaves. `offline/` scores what another device computed. Imports `data`, `runtime`, `metrics` and what stands
before them; no framework.
"""
