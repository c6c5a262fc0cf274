"""A transform is one file: in the package, or a user's own."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import ConfigError
from src.data import transforms
from src.data.transforms import build_transforms, registry
from tests.support.programs import ROOT
from tests.support.transform_samples import painted_sample


@pytest.fixture(autouse=True)
def own_table(monkeypatch):
    """A table of transforms that the test may add to."""
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))


def readme_example() -> str:
    return re.search(r"```python\n(.*?)```", (ROOT / "data" / "README.md").read_text(encoding="utf-8"), re.S)[1]


def written(folder: Path, text: str, name: str = "mine.py") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_every_file_of_the_package_is_registered():
    names = set()
    for path in Path(transforms.__path__[0]).glob("*.py"):
        classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
        names |= {kind.name for kind in classes if "register" in map(ast.unparse, kind.decorator_list)}
    assert names == set(registry._REGISTRY) and len(names) > 15


def test_a_users_file_registers_one(tmp_path):
    kind = f"{written(tmp_path, readme_example())}:Invert"
    sample = painted_sample()
    for _ in range(2):  # the file runs once
        inverted = build_transforms([{"type": kind, "probability": 1.0}])(sample, np.random.default_rng(0))
        np.testing.assert_array_equal(inverted["image"], 255 - sample["image"])
    assert build_transforms([{"type": kind}]).transforms[0].reads_alpha is False
    with pytest.raises(ConfigError, match="no parameter `probabilty`\\. Did you mean `probability`"):
        build_transforms([{"type": kind, "probabilty": 1.0}])


def test_several_files_of_one_name(tmp_path):
    """They are told apart by their folders; a name that is taken is refused."""
    (tmp_path / "b").mkdir()
    first = written(tmp_path, readme_example())
    second = written(tmp_path / "b", readme_example().replace("class Invert", "class Negative"))
    same = written(tmp_path, readme_example(), "again.py")
    build_transforms([{"type": f"{first}:Invert"}, {"type": f"{second}:Negative"}])
    with pytest.raises(ConfigError, match="Give it another name"):
        build_transforms([{"type": f"{same}:Invert"}])


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (None, "Invert", "There is no file of transforms"),
        ("import nothing_of_this_name\n", "Invert", "cannot be loaded: ModuleNotFoundError"),
        ("x = 1\n", "Normalise", "Did you mean `Normalize`"),
        (
            "from src.data.transforms import register\n\n@register\nclass Plain:\n    pass\n",
            "Plain",
            "must derive from `Transform`",
        ),
    ],
)
def test_files_that_give_none_are_refused(tmp_path, text, name, message):
    path = str(tmp_path / "mine.py") if text is None else written(tmp_path, text)
    with pytest.raises(ConfigError, match=message):
        build_transforms([{"type": f"{path}:{name}"}])
