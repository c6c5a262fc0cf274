"""Files appear whole or not at all."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from src.common.errors import OutputError
from src.common.files import (
    claim_folder,
    end_folders,
    make_folder,
    own_folder,
    staging_folder,
    whole_file,
    write_text,
)
from tests.support.programs import ROOT


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


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_no_half_file_of_mindspore_stays(tmp_path):
    """It writes into a file that ends in .tmp and leaves that where the disk is full."""
    path = tmp_path / "a.ckpt"
    with pytest.raises(OutputError, match=r"Cannot write .*a\.ckpt"), whole_file(path) as temporary:
        temporary.with_suffix(".tmp").write_bytes(b"half")
        raise OSError(28, "No space left on device")
    assert names(tmp_path) == []


def test_a_name_as_long_as_names_may_be(tmp_path):
    path = tmp_path / ("a" * 250 + ".txt")
    write_text(path, "x")
    assert names(tmp_path) == [path.name]


def test_what_killed_processes_left_is_swept_by_the_next_save(tmp_path):
    """Files of living processes, of other machines, and all that is not ours stay."""
    code = (
        "import os, sys; from src.common.files import staging_folder, whole_file\n"
        "with staging_folder(sys.argv[1]) as staging, whole_file(sys.argv[1] + '/b.ckpt') as temporary:\n"
        "    (staging / 'model.onnx').write_bytes(b'half')\n"
        "    temporary.write_bytes(b'half'); temporary.with_suffix('.tmp').write_bytes(b'half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT).returncode == -9
    assert len(names(tmp_path)) == 3 and all(name.startswith(".modnet-") for name in names(tmp_path))
    dead, alive = dead_process(), os.getpid()
    mine = [f".a.{alive}.ckpt", f".other.{dead}.ckpt", f".a.{dead}.png", ".a.old.ckpt", f".modnet-00000000-{dead}-x"]
    for name in [*mine, f".a.{dead}.ckpt", f".a.{dead}.tmp"]:  # the last two as earlier versions named them
        (tmp_path / name).write_bytes(b"half")
    with whole_file(tmp_path / "a.ckpt") as temporary:
        temporary.write_bytes(b"whole")
        write_text(tmp_path / "b.ckpt", "beside it")  # the file in work is no litter
    assert names(tmp_path) == sorted(["a.ckpt", "b.ckpt", *mine])


def test_a_staging_folder_goes_whatever_happens(tmp_path):
    with pytest.raises(ValueError, match="half"), staging_folder(tmp_path) as staging:
        (staging / "a").write_text("x")
        raise ValueError("half")
    assert names(tmp_path) == []


MARKS = ("eval.json", "comparison.json")


def test_a_claimed_folder_is_the_first_without_a_run(tmp_path):
    assert claim_folder(tmp_path / "a", MARKS) == tmp_path / "a"
    (tmp_path / "a" / "config.yml").touch()
    assert claim_folder(tmp_path / "a", MARKS) == tmp_path / "a"  # its own claim does not count
    (tmp_path / "a" / "eval.json").touch()
    (tmp_path / "a-2").mkdir()
    (tmp_path / "a-2" / "comparison.json").touch()
    assert claim_folder(tmp_path / "a", MARKS) == tmp_path / "a-3"
    end_folders()
    assert sorted(os.listdir(tmp_path)) == ["a", "a-2"]  # nothing came into the third


@pytest.fixture
def claimed_elsewhere(tmp_path):
    """A folder that another process has claimed."""
    program = (
        "import sys; from src.common.files import claim_folder; print(claim_folder(sys.argv[1], ()), flush=True); "
        "sys.stdin.read()"
    )
    folder = tmp_path / "a"
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          cwd=ROOT, text=True) as process:  # fmt: skip
        assert process.stdout.readline() == f"{folder}\n"
        yield folder, process
        process.stdin.close()


def test_a_folder_that_another_process_writes_to(claimed_elsewhere, tmp_path):
    folder, process = claimed_elsewhere
    assert claim_folder(folder, ()) == tmp_path / "a-2"
    with pytest.raises(OutputError, match=r"Another process writes to .*/a now"):
        own_folder(folder)
    process.kill()  # which leaves no claim
    process.wait()
    assert own_folder(folder) == folder
    end_folders()


def test_folders_made_for_nothing_go(tmp_path):
    (tmp_path / "there").mkdir()
    make_folder(tmp_path / "there")
    make_folder(tmp_path / "a" / "b" / "c")
    make_folder(tmp_path / "full")
    (tmp_path / "full" / "x").touch()
    end_folders()
    assert sorted(os.listdir(tmp_path)) == ["full", "there"]
