"""Matting over HTTP: one process keeps the networks open and answers `POST /api/cutout`.

Start reading with `app.py`, which has the routes; `upload.py` takes a request apart, `work.py` lets few requests at a
time do their work, `settings.py` holds the limits. It may import `inference` and what stands before it, no MindSpore.
FastAPI and uvicorn come with the extra `serve`.
"""
