"""Names of kernels are read out of libraries that are never loaded."""

import shutil
import subprocess
from pathlib import Path

import pytest

from src.backend import kernels
from src.backend.kernels import registered_names, wheel_kernels
from src.common.errors import DeviceError

HEADER = """
struct Kernel { Kernel(const char *name); };
struct Names { Names(const char *a, const char *b, const char *c); };
"""
FILE = """#include "header.h"
static Names shared("InEveryFile", "AndThisOne", "ThatToo");
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_registered_is_what_one_initialiser_names_for_itself(tmp_path: Path):
    """Not what code names that runs later, and not a header's list."""
    (tmp_path / "header.h").write_text(HEADER)
    for i in range(6):
        own = 'static Kernel one("OnlyHere"), two("HereToo");' if i == 4 else ""
        (tmp_path / f"file{i}.cpp").write_text(FILE + own)
    later = "Kernel::Kernel(const char *) {} Names::Names(const char *, const char *, const char *) {}\n"
    later += "__attribute__((aligned(4096))) "  # far from the initialisers, as in a library of some size
    later += 'const char *later() { return "NotAtTheStart"; }'
    (tmp_path / "later.cpp").write_text('#include "header.h"\n' + later)
    library = tmp_path / "lib.so"
    sources = sorted(map(str, tmp_path.glob("*.cpp")))
    subprocess.run(["g++", "-O2", "-fPIC", "-shared", *sources, "-o", str(library)], check=True)
    assert registered_names(library) == {"OnlyHere", "HereToo"}


def test_the_wheels_kernels_are_found():
    """Known ones of MindSpore 2.10: kernels for `SplitWithSize` and `AllFinite` on Ascend alone."""
    gpu, ascend = wheel_kernels("GPU"), wheel_kernels("Ascend")
    for name in ("Conv2D", "Conv2DBackpropInput", "BatchNormGrad", "ResizeBilinearGrad", "SGD", "Adam", "AllReduce"):
        assert gpu[name] == "kernel" and name in ascend
    assert ascend["Conv2D"] == "aclnn kernel" and ascend["BatchNorm"] == "graph operator"
    assert "SplitWithSize" in ascend and "SplitWithSize" not in gpu
    assert ascend["SliceGrad"] == "AI CPU kernel" and gpu["SliceGrad"] == "kernel"
    assert "AllFinite" in ascend and "AllFinite" not in gpu
    assert not {"Partial", "Depend", "UpdateState"}.intersection(gpu)


def test_a_wheel_without_those_libraries_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kernels, "LIBRARIES", {"GPU": (("kernel", "libmindspore_other.so"),)})
    with pytest.raises(DeviceError, match=r"libmindspore_other\.so is not there"):
        wheel_kernels("GPU")
