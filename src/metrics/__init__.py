"""How far a matte is from the true alpha: the matting measures, MMNet's own, and how steady the mattes of a video are.

Start with `matte.py`, whose scores every evaluation gives; the definitions name their papers. Imports numpy and OpenCV,
of ours `common` and `imaging` alone.
"""
