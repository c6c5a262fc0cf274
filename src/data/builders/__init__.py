"""What makes data sets: generated portraits, mattes for Clothing Co-Parsing, backgrounds, cut-outs, short clips.

Start with `synthetic/series.py` or `ccp/builder.py`. `p3m.py` knows the folder structure that they write, `claim.py`
guards the output folder, so that a run goes on where it was stopped and touches no other data set. The package may
import `common`, `imaging` and the data package's `pairs`.
"""
