"""Matching images with alphas."""

from dataclasses import replace

import pytest

from src.common.errors import DataError
from src.common.text import first_few, natural_order
from src.config.dataset import DatasetSpec
from src.data.pairs import evaluation_pairs, find_pairs


def lay_out(root, images, alphas):
    for folder, names in (("image", images), ("mask", alphas)):
        (root / folder).mkdir()
        for name in names:
            (root / folder / name).write_bytes(b"x")
    return DatasetSpec(str(root), name="folder")


def test_stems_match_over_extensions_in_natural_order(tmp_path):
    spec = lay_out(
        tmp_path,
        ["p10.jpg", "p2.JPEG", "p1.png", "a.webp", "notes.txt", ".hidden.jpg"],
        ["p10.png", "p2.tif", "p1.PNG", "a.bmp", "Thumbs.db"],
    )
    pairs = find_pairs(spec)
    assert [pair.name for pair in pairs] == ["a", "p1", "p2", "p10"]
    assert [(p.image.name, p.alpha.name) for p in pairs[2:]] == [("p2.JPEG", "p2.tif"), ("p10.jpg", "p10.png")]


def test_trimaps_of_the_section(tmp_path):
    lay_out(tmp_path, ["a.jpg", "b.jpg"], ["a.png", "b.png"])
    (tmp_path / "trimap").mkdir()
    spec = DatasetSpec(str(tmp_path), img_subpath="image", alpha_subpath="mask", trimap_subpath="trimap")
    for name in ("a", "b", "other"):
        (tmp_path / "trimap" / f"{name}.png").write_bytes(b"x")
    expected = [tmp_path / "trimap" / "a.png", tmp_path / "trimap" / "b.png"]
    assert [pair.trimap for pair in evaluation_pairs(spec)] == expected
    assert [pair.trimap for pair in evaluation_pairs(replace(spec, trimap_subpath=expected[0].parent.as_posix()))] == (
        expected
    )
    assert [pair.trimap for pair in evaluation_pairs(replace(spec, trimap_subpath=None))] == [None, None]
    expected[1].unlink()
    with pytest.raises(DataError, match=r"No trimap in .* for 1 of 2 images: b"):
        evaluation_pairs(spec)


def test_limit_takes_the_first(tmp_path):
    spec = lay_out(tmp_path, ["b.jpg", "a.jpg", "c.jpg"], ["a.png", "b.png", "c.png"])
    assert [p.name for p in find_pairs(DatasetSpec(spec.dataset_root, name="folder", limit=2))] == ["a", "b"]


def test_further_folders_follow_with_their_own_limit(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for root in (first, second):
        root.mkdir()
    lay_out(first, ["a.jpg", "b.jpg"], ["a.png", "b.png"])
    lay_out(second, ["a.jpg", "c.jpg", "d.jpg"], ["a.png", "c.png", "d.png"])
    also = ({"dataset_root": str(second), "limit": 2},)
    pairs = find_pairs(DatasetSpec(str(first), name="folder", limit=1, also=also))
    assert [(p.name, p.image.parent.parent.name) for p in pairs] == [("a", "first"), ("a", "second"), ("c", "second")]
    (second / "mask" / "d.png").unlink()
    with pytest.raises(DataError, match="no partner"):
        find_pairs(DatasetSpec(str(first), name="folder", also=also))


def test_natural_order():
    assert natural_order(["x10y2", "x9", "x10y10", "b", "10", "9"]) == ["9", "10", "b", "x9", "x10y2", "x10y10"]
    assert natural_order(["x1", "x01", "X2"]) == natural_order(["X2", "x01", "x1"]) == ["X2", "x01", "x1"]


def test_images_without_alpha_are_counted_and_named(tmp_path):
    images = [f"p{i}.jpg" for i in range(1, 10)]
    spec = lay_out(tmp_path, images, ["p1.png", "p2.png"])
    with pytest.raises(DataError) as caught:
        find_pairs(spec)
    text = str(caught.value)
    assert f"7 images in '{tmp_path / 'image'}' have no partner of the same name in '{tmp_path / 'mask'}'" in text
    assert "p3, p4, p5, p6, p7 and 2 more" in text and "check_dataset.py" in text


def test_alphas_without_image(tmp_path):
    with pytest.raises(DataError, match=r"1 alphas in .*mask' have no partner .*: b"):
        find_pairs(lay_out(tmp_path, ["a.jpg"], ["a.png", "b.png"]))


def test_missing_and_empty_folders_say_where_data_comes_from(tmp_path):
    with pytest.raises(DataError) as caught:
        find_pairs(DatasetSpec(str(tmp_path / "gone")))
    for part in (str(tmp_path / "gone" / "image"), "https://github.com/JizhiziLi/P3M",
                 "python data/make_synthetic.py --output data/synthetic",
                 "python data/prepare_ccp.py --source DIR --output data/CCP"):  # fmt: skip
        assert part in str(caught.value)
    with pytest.raises(DataError, match=r"(?s)image' holds no image \(jpg .*make_synthetic"):
        find_pairs(lay_out(tmp_path, ["notes.txt"], []))


def test_stems_that_occur_twice(tmp_path):
    with pytest.raises(DataError, match=r"1 names occur twice .*: a\.jpg and a\.png"):
        find_pairs(lay_out(tmp_path, ["a.jpg", "a.png"], ["a.png"]))


def amd(root, images=(), foregrounds=("tree.jpg", "hair.png", "net.jpg"), **keys):
    for folder, names in (("merged", images), ("alpha", ["hair.png", "net.png", "tree.png"]),
                          ("fg", ["hair.jpg", "net.jpg", "tree.jpg"])):  # fmt: skip
        (root / folder).mkdir(exist_ok=True)
        for name in names:
            (root / folder / name).write_bytes(b"x")
    (root / "fg.txt").write_text("\n".join(foregrounds) + "\n\n")
    (root / "bg.txt").write_text("sea.jpg\n")
    values = {
        "name": "AMD",
        "dataset_root": str(root),
        "alpha_subpath": "alpha",
        "fg_names": "fg.txt",
        "bg_names": "bg.txt",
    }
    return DatasetSpec.from_dict(values | keys)


def test_amd_merged_names_hold_the_foregrounds_line(tmp_path):
    pairs = find_pairs(amd(tmp_path, ["0_17.png", "2_3.jpg", "x!y!1!b.png"], img_subpath="merged"))
    assert [(p.name, p.alpha.name) for p in pairs] == [
        ("0_17", "tree.png"),
        ("2_3", "net.png"),
        ("x!y!1!b", "hair.png"),
    ]


def test_amd_composed_takes_the_foregrounds_in_the_lists_order(tmp_path):
    pairs = find_pairs(amd(tmp_path))
    assert [(p.image.name, p.alpha.name) for p in pairs] == [
        ("tree.jpg", "tree.png"), ("hair.jpg", "hair.png"), ("net.jpg", "net.png")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["3_1.png", "tree.png", "a!b!9!c.png", "a!b.png"])
def test_amd_merged_names_that_say_nothing(tmp_path, name):
    with pytest.raises(DataError, match="does not say which of the 3 foregrounds"):
        find_pairs(amd(tmp_path, [name], img_subpath="merged"))


def test_amd_lists_with_faults(tmp_path):
    with pytest.raises(DataError, match=r"1 of 2 listed names are not in .*fg': sky\.jpg"):
        find_pairs(amd(tmp_path, foregrounds=["hair.png", "sky.jpg"]))
    with pytest.raises(DataError, match=r"name list .* is empty"):
        find_pairs(amd(tmp_path, foregrounds=[]))
    with pytest.raises(DataError, match=r"Cannot read the name list '.*gone\.txt' \(`fg_names`\)"):
        find_pairs(amd(tmp_path, fg_names="gone.txt"))


def test_first_few():
    assert first_few(["a", "b"]) == "a, b"
    assert first_few(list("abcdefg")) == "a, b, c, d, e and 2 more"
