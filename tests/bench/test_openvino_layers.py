"""benchmarks/openvino_layers.py: every layer in all three ways, in the files that are asked for."""

import csv

import pytest

from benchmarks import openvino_layers as program
from tests.support.programs import run_main


def test_rows_by_hand():
    plain = {("a", "Conv (x)"): [1.0, 3.0, 2.0], ("b", "Split (x)"): [0.5], ("gone", "Const (x)"): [0.0]}
    exported = {("a", "Conv (x)"): [4.0], ("b", "Mul (x)"): [0.25]}
    assert program.layer_rows({"plain": plain, "mask": {}, "exported": exported}) == [
        ["a", "Conv (x)", "2.000", "-", "4.000"],
        ["b", "Split (x)", "0.500", "-", "-"],
        ["b", "Mul (x)", "-", "-", "0.250"],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".md"])
def test_the_program(narrow_models, tmp_path, suffix):
    file = tmp_path / f"layers{suffix}"
    command = ("--ckpt_path", narrow_models[".ckpt"], "--shape", "64x96", "--runs", 2, "--threads", 1)
    done = run_main(program.main, *command, "--layers", 3, "--output", file)
    assert done.status == 0, done.err
    assert done.out.count("plain, ms") == 1 and "clock, fastest" in done.out
    if suffix == ".md":
        head, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in file.read_text().splitlines())
    else:
        head, *rows = csv.reader(file.read_text().splitlines())
    assert head == program.LAYER_HEAD and len(rows) > 30
    norms = [row for row in rows if row[0].endswith(".norm/instance/mvn")]
    assert len(norms) == 15 and all("-" not in row[2:] for row in norms)  # the same in all ways
    joins = [row for row in rows if row[0].endswith(".norm/join")]
    assert joins and all(row[2] != "-" and row[3:] == ["-", "-"] for row in joins)  # what the mask saves


def test_other_tables_are_refused(narrow_models):
    done = run_main(program.main, "--ckpt_path", narrow_models[".ckpt"], "--output", "layers.txt")
    assert done.status == 2 and "ends in .csv or .md, got 'layers.txt'" in done.err
