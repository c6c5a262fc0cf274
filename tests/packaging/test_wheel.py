"""The wheel, installed in a fresh environment without MindSpore, mattes a photograph from another folder."""

import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import cv2
import numpy as np
import pytest

from src import __version__
from src.imaging import read_image
from src.runtime.factory import open_predictor
from tests.support.programs import ROOT, Outcome, run_program

pytestmark = pytest.mark.slow

PHOTO = ROOT / "docs" / "astronaut.jpg"
MODEL = "modnet-p-int8.onnx"
LARGEST = 6_000_000  # bytes of the wheel
# What the wheel asks for, and what these packages need themselves.
NEEDED = ("numpy", "opencv-python-headless", "pillow", "simplejpeg", "isal", "onnxruntime", "flatbuffers", "packaging",
          "protobuf")  # fmt: skip
FRAMEWORKS = ("mindspore", "torch", "openvino", "onnx", "yaml", "tqdm", "scipy", "src", "tests", "metrics")


def succeeded(*command: object, cwd: Path, **environment: str) -> Outcome:
    done = run_program(*command, cwd=cwd, PYTHONPATH="", **environment)
    assert done.status == 0, done.out + done.err
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet")
    succeeded(*pip, ROOT, "--no-deps", "--no-build-isolation", "--wheel-dir", folder, cwd=folder)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def added(tmp_path_factory) -> list[str]:
    """What the installation puts into site-packages, filled by `environment`."""
    return []


@pytest.fixture(scope="module")
def environment(tmp_path_factory, wheel, added) -> Path:
    """The folder of a fresh environment's programs, with the wheel, the packages it needs, and nothing else.

    These come as links to those that run the tests, so that no network is needed; pip finds them, and refuses the wheel
    where it asks for another one.
    """
    folder = tmp_path_factory.mktemp("fresh")
    succeeded(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    programs, site = folder / "venv" / "bin", site_packages(folder / "venv")
    link_packages(folder / "needed")
    (site / "needed.pth").write_text(f"{folder / 'needed'}\n")
    before = {path.name for path in site.iterdir()}
    pip = (programs / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index")
    succeeded(*pip, wheel, cwd=folder)
    added += sorted({path.name for path in site.iterdir()} - before)
    return programs


def site_packages(venv: Path) -> Path:
    (site,) = venv.glob("lib/python*/site-packages")
    return site


def link_packages(folder: Path) -> None:
    """Links to all that the packages of `NEEDED` have in site-packages, their metadata too."""
    folder.mkdir()
    for name in NEEDED:
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or () if file.parts[0] != ".."} - {"__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(package.locate_file(top))))


def test_the_wheel_is_small_and_holds_one_package(wheel):
    assert wheel.name == f"modnet_mindspore-{__version__}-py3-none-any.whl"
    assert wheel.stat().st_size <= LARGEST
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"modnet_mindspore", f"modnet_mindspore-{__version__}.dist-info"}
    ours = {name.removeprefix("modnet_mindspore/") for name in names}
    sources = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*") if path.is_file()}
    assert {name for name in sources if name.endswith((".py", ".cpp", ".hpp"))} <= ours
    assert {name for name in ours if name.startswith("pretrained/")} == {
        f"pretrained/{MODEL}",
        "pretrained/releases.json",
    }


def test_nothing_else_lands_in_site_packages(environment, added):
    assert added == ["modnet_mindspore", f"modnet_mindspore-{__version__}.dist-info"]


@pytest.mark.parametrize("module", FRAMEWORKS)
def test_no_framework_can_be_imported_there(environment, module, tmp_path):
    done = run_program(environment / "python", "-c", f"import {module}", cwd=tmp_path, PYTHONPATH="")
    assert done.status == 1 and f"No module named '{module}'" in done.err


def test_the_command_says_what_it_is(environment, tmp_path):
    modnet = environment / "modnet"
    assert succeeded(modnet, "--version", cwd=tmp_path).out == f"modnet {__version__}\n"
    text = succeeded(modnet, "--help", cwd=tmp_path).out
    assert "\n  infer " in text and "\n  models " in text
    listed = succeeded(modnet, "models", cwd=tmp_path).out
    assert listed == succeeded(modnet, "infer", "--list", cwd=tmp_path).out
    assert [line.split()[1] for line in listed.splitlines()] == [MODEL]  # the others are not inside
    run_program(modnet, "infre", cwd=tmp_path, PYTHONPATH="").assert_refused()


@pytest.mark.parametrize(("arguments", "text"), [
    (("train",), "`modnet train` needs mindspore, which is not installed. Run: pip install 'modnet-mindspore[train]'"),
    (("convert",), "`modnet convert` needs mindspore, which is not installed"),
    (("mmnet", "train", "--write", "mmnet.yml", "."), "Run: pip install PyYAML=="),
    (("infer", "--input", PHOTO, "--model", "modnet-p"), "released model 'modnet-p'. Did you mean `modnet-p-int8`?"),
    (("infer", "--input", PHOTO, "--model", "modnet-p-int8.xml"), "is released as .onnx. Give modnet-p-int8.onnx"),
])  # fmt: skip
def test_what_is_not_there_is_named(environment, tmp_path, arguments, text):
    done = run_program(environment / "modnet", *arguments, cwd=tmp_path, PYTHONPATH="")
    assert text in done.assert_refused()


def test_defaults_point_into_the_wheel_or_to_the_users_folder(environment, tmp_path):
    program = """
from modnet_mindspore.common.paths import USER_FOLDER
from modnet_mindspore.config.mmnet import DEFAULT_CONFIG
print(USER_FOLDER, DEFAULT_CONFIG.is_file(), DEFAULT_CONFIG.parts[-3:])
"""
    out = succeeded(environment / "python", "-c", program, cwd=tmp_path).out
    assert out == ". True ('modnet_mindspore', 'configs', 'MMNet.yml')\n"


def test_the_command_mattes_a_photograph_as_the_checkout_does(environment, tmp_path):
    flags = ("--input", PHOTO, "--outputs", "alpha", "--output")
    succeeded(environment / "modnet", "infer", *flags, tmp_path / "installed", cwd=tmp_path)
    succeeded(sys.executable, ROOT / "infer.py", "--model", MODEL, *flags, tmp_path / "checkout", cwd=tmp_path)
    ours, expected = (read_image(tmp_path / folder / "astronaut.png") for folder in ("installed", "checkout"))
    assert ours.shape == expected.shape and np.array_equal(ours, expected)
    assert 0.2 < (ours > 127).mean() < 0.8


def test_python_mattes_a_photograph_as_the_checkout_does(environment, tmp_path):
    program = f"""
import numpy as np, modnet_mindspore
from modnet_mindspore.imaging import read_image
from modnet_mindspore.runtime.factory import open_predictor
assert modnet_mindspore.__version__ == {__version__!r}
predictor, _ = open_predictor("modnet-p-int8")
np.save("matte.npy", predictor.predict(read_image({str(PHOTO)!r})))
"""
    succeeded(environment / "python", "-c", program, cwd=tmp_path)
    matte = np.load(tmp_path / "matte.npy")
    expected = open_predictor(MODEL)[0].predict(read_image(PHOTO))
    assert matte.dtype == np.float32 and np.array_equal(matte, expected)


def test_the_folder_that_holds_the_package_stays_clean(environment, added, tmp_path):
    """A program that makes files of its own makes them where the user stands."""
    site = site_packages(environment.parent)
    before = sorted(path.name for path in site.iterdir())
    subprocess.run([environment / "modnet", "infer", "--input", PHOTO], cwd=tmp_path, check=True, capture_output=True)
    assert sorted(path.name for path in site.iterdir()) == before
    assert (tmp_path / "output" / "astronaut.png").is_file()


def test_three_lines_of_python(environment, tmp_path):
    program = f"""
from modnet_mindspore import Matting
Matting(threads=2).cutout({str(PHOTO)!r}).save("cutout.png")
"""
    succeeded(environment / "python", "-c", program, cwd=tmp_path)
    flags = ("--input", PHOTO, "--outputs", "cutout", "--no-flip", "--output", tmp_path / "checkout")
    succeeded(sys.executable, ROOT / "infer.py", "--model", MODEL, *flags, cwd=tmp_path)
    (by_infer,) = (tmp_path / "checkout").iterdir()
    ours, expected = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (tmp_path / "cutout.png", by_infer))
    assert ours.shape[2] == 4 and np.array_equal(ours, expected)
