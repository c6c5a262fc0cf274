"""Clothing Co-Parsing (street photographs with pixel-level labels) as a matting data set.

Start with `builder.py`, which walks over the photographs; `mattes.py` makes the matte of one from its label map. The
package may import `common`, `imaging` and its neighbours `claim` and `p3m`.
"""
