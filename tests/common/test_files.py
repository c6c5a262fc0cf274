"""Files appear whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from src.common.errors import OutputError
from src.common.files import make_folder, whole_file, write_text


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_folders_are_made_with_their_parents_and_left_alone_when_there(tmp_path):
    folder = make_folder(tmp_path / "a" / "b")
    (folder / "x").write_text("kept")
    assert make_folder(str(folder)) == folder and names(folder) == ["x"]


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match=f"Cannot write to {place} .*another output folder"):
            make_folder(place)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a file system that is never writable")
def test_a_read_only_folder():
    with pytest.raises(OutputError, match="Cannot write to /proc/self"):
        make_folder("/proc/self")


def test_the_file_takes_its_name_at_the_end(tmp_path):
    path = tmp_path / "a.ckpt"
    with whole_file(path) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".ckpt" and temporary != path
        temporary.write_bytes(b"new")
        temporary.chmod(0o400)
        assert not path.exists()
    assert path.read_bytes() == b"new" and names(tmp_path) == ["a.ckpt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("error", [ValueError("half"), KeyboardInterrupt()])
def test_a_failure_leaves_the_earlier_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    write_text(path, "earlier")
    with pytest.raises(type(error)), whole_file(path) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "earlier" and names(tmp_path) == ["a.txt"]


def test_a_full_disk_is_an_output_error(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "earlier")
    with pytest.raises(OutputError, match=r"Cannot write .*a\.txt \(No space left"), whole_file(path) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "earlier" and names(tmp_path) == ["a.txt"]


def test_a_missing_folder_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"Cannot write .*gone/a\.txt"):
        write_text(tmp_path / "gone" / "a.txt", "x")


def test_text_is_utf8(tmp_path):
    write_text(tmp_path / "a.txt", "肖像")
    assert (tmp_path / "a.txt").read_bytes() == "肖像".encode()
