"""Phones store upright videos lying, with a display matrix that turns them; every reader gets them upright."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.imaging.video import VideoReader

ONE = 1 << 16
# Degrees clockwise -> the matrix of ISO/IEC 14496-12, 8.3.2, in 16.16 and 2.30 fixed point (without its shift).
MATRICES = {
    0: (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    90: (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),
    180: (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
    270: (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
}


def turned_video(path: Path, degrees: int) -> np.ndarray:
    """A video whose frames are 48 high and 64 wide, the upper half red; returns such a frame as it is stored, RGB."""
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:24, :, 0] = 255
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for _ in range(4):
        writer.write(frame[..., ::-1])
    writer.release()
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44
    assert content[matrix : matrix + 36] == struct.pack(">9i", *MATRICES[0])
    content[matrix : matrix + 36] = struct.pack(">9i", *MATRICES[degrees])
    path.write_bytes(content)
    return frame


@pytest.mark.parametrize("degrees", MATRICES)
def test_frames_are_upright(tmp_path, degrees):
    expected = np.rot90(turned_video(tmp_path / "a.mp4", degrees), -degrees // 90)
    reader = VideoReader(tmp_path / "a.mp4")
    for _ in range(4):
        frame = reader.read()
        assert frame.shape == expected.shape
        assert abs(frame.astype(int) - expected).mean() < 8  # the codec's losses; a wrong turn differs by 40 and more
    assert reader.read() is None
