"""A window with what is made, where there is a screen and an OpenCV that can open one."""

import os
import re
import sys

import cv2
import numpy as np

from ..common.errors import ConfigError

_TITLE = "matting"
_ESCAPE = 27


class Display:
    """Shows images one after another. For the main thread only."""

    def __init__(self) -> None:
        check_display()
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)

    def show(self, image: np.ndarray, milliseconds: int = 1) -> bool:
        """Show uint8 RGB [H, W, 3] or grey [H, W]; False once q or Escape was pressed. 0 ms waits for a key."""
        cv2.imshow(_TITLE, image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return cv2.waitKey(milliseconds) & 0xFF not in (ord("q"), _ESCAPE)


def check_display() -> None:
    """ConfigError where no window can be opened: asking OpenCV itself would end the program on some machines."""
    if re.search(r"GUI:\s+NONE", cv2.getBuildInformation()):
        raise ConfigError(
            "--show needs an OpenCV with windows, and this one is headless. Run: pip uninstall opencv-python-headless; "
            f"pip install opencv-python=={'.'.join(cv2.__version__.split('.')[:3])}.* - or leave --show out."
        )
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ConfigError("--show needs a screen, and there is none (DISPLAY is not set). Leave --show out.")
