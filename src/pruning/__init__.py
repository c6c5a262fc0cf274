"""Networks made narrower (and wider): channels are scored, chosen in groups, and cut out of spec and weights.

Start with `run.py`, the sequence of steps behind prune.py; `groups.py` says which channels belong together, and
`surgery.py` cuts. Strategies and importances are plug-ins, one file each in the folders of these names. May import all
that stands before it in the order of packages, of `deploy` and `bench` what measures speed.
"""
