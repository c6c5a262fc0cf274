"""No result takes another's name, an input's, or an earlier result's."""

from pathlib import Path

import pytest

from src.common.errors import OutputError
from src.inference.naming import check_results, output_stems

ENDINGS = (".png", "_alpha.png")


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (["a.jpg", "b.png"], ["a", "b"]),
        (["a.jpg", "a.png", "b.jpg"], ["a_jpg", "a_png", "b"]),
        (["A.jpg", "a.jpeg"], ["A_jpg", "a_jpeg"]),  # file systems that do not tell case apart
        (["a.jpg", "a_alpha.jpg"], ["a", "a_alpha-2"]),  # a's alpha is a_alpha.png
        (["a.jpg", "a.png", "a_jpg.webp"], ["a_jpg", "a_png", "a_jpg-2"]),
        (["x.jpg", "X.JPG"], ["x_jpg", "X_JPG-2"]),
    ],
)
def test_stems(names, stems):
    assert output_stems([Path(name) for name in names], ENDINGS) == stems


def results(folder: Path, *stems: str) -> list[list[Path]]:
    return [[folder / f"{stem}{ending}" for ending in ENDINGS] for stem in stems]


def test_earlier_results_are_refused_skipped_or_replaced(tmp_path):
    for name in ("a.png", "a_alpha.png", "b.png"):
        (tmp_path / name).touch()
    expected = results(tmp_path, "a", "b", "c")
    with pytest.raises(
        OutputError, match=r"3 of the results .* already: a\.png, a_alpha\.png, b\.png.*--existing skip"
    ):
        check_results(expected, [], "refuse")
    assert check_results(expected, [], "skip") == [False, True, True]  # b is not complete
    assert check_results(expected, [], "replace") == [True, True, True]
    assert check_results(results(tmp_path, "c"), [], "refuse") == [True]


@pytest.mark.parametrize("existing", ["refuse", "skip", "replace"])
def test_an_input_is_never_written_over(tmp_path, existing):
    source = tmp_path / "a.png"
    source.touch()
    with pytest.raises(OutputError, match="over an input"):
        check_results(results(tmp_path / "." / "sub" / "..", "a"), [source], existing)
