"""Every example of docs/python_api.md runs, one after another as they stand there."""

import os
import re
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np

from tests.support.programs import ROOT, run_program


def write_clip(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for _ in range(3):
        writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()


def test_the_examples_run(tmp_path):
    text = (ROOT / "docs" / "python_api.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert len(examples) == text.count("```") // 2 >= 5
    shutil.copy(ROOT / "docs" / "astronaut.jpg", tmp_path / "photo.jpg")
    write_clip(tmp_path / "clip.mp4")
    (tmp_path / "modnet_mindspore").symlink_to(ROOT / "src")  # the name that it has where it is installed
    (tmp_path / "pretrained").symlink_to(ROOT / "pretrained")
    (tmp_path / "examples.py").write_text("\n".join(examples))
    done = run_program(sys.executable, "examples.py", cwd=tmp_path, PYTHONPATH=os.fspath(tmp_path))
    assert done.status == 0, done.out + done.err
    assert re.search(r"^\d\d% of the picture is the person$", done.out, flags=re.MULTILINE)
    assert re.findall(r"^(0\.\d\d) s: ", done.out, flags=re.MULTILINE) == ["0.00", "0.10", "0.20"]
    assert "nothing.jpg" in done.out.splitlines()[-1]
    made = {path.name for path in tmp_path.glob("photo_*")}
    assert made == {"photo_cutout.png", "photo_white.jpg", "photo_navy.jpg", "photo_blur.jpg"}
