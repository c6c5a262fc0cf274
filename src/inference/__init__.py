"""Matting for people: photographs, folders of them, videos and cameras in, files with mattes and composites out.

Start reading with `run.py`, which is one run from beginning to end; `images.py` and `video.py` are its two halves, and
`pipeline.py` is the network between their stages. It may import `runtime` and what stands before it, no MindSpore.
"""
