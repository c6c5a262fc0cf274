"""The check of kernels: how a primitive is judged, and that the graphs' primitives come out of MindSpore."""

import json
import sys

import pytest

from src.training.kernel_check import Row, kernel_of
from src.training.primitives import _EXPANDED
from tests.support.programs import run_program

KERNELS = {"Slice": "kernel", "Mul": "kernel"}


@pytest.mark.parametrize(
    ("primitive", "expansions", "expected"),
    [
        ("Mul", {}, "kernel"),
        ("SplitWithSize", {"SplitWithSize": {"Slice", "MakeTuple"}}, "as Slice"),
        ("SplitWithSize", {"SplitWithSize": {"Slice", "Fold"}}, "none"),
        ("SplitWithSize", {}, "none"),
    ],
)
def test_a_primitive_without_a_kernel_is_what_mindspore_makes_of_it(primitive: str, expansions: dict, expected: str):
    assert kernel_of(primitive, KERNELS, expansions) == expected


def test_a_row_is_complete_where_no_device_lacks_a_kernel():
    assert Row("Mul", ("step",), {"GPU": "kernel", "Ascend": ""}).complete
    assert not Row("Mul", ("step",), {"GPU": "kernel", "Ascend": "none"}).complete


CODE = """
import json, os
os.environ |= {"MODNET_CPU_OPS": "0", "MS_DEV_DUMP_IR_PASSES": "validate,hwopt_comm_after_kernel_select"}
from src.backend.environment import prepare_environment
from src.backend.device import select_device
prepare_environment("CPU")
select_device("CPU")
from src.config.config import Config
from src.training.primitives import evaluation_primitives
found = evaluation_primitives(Config.from_values(network="modnet"))
print(json.dumps([sorted(found.primitives), {name: sorted(parts) for name, parts in found.expansions.items()}]))
"""


@pytest.mark.slow
def test_primitives_of_an_evaluation_graph():
    """In a process of its own, because MindSpore looks once at what it is to write down."""
    done = run_program(sys.executable, "-c", CODE)
    assert done.status == 0, done.err
    primitives, expansions = json.loads(done.out.splitlines()[-1])
    assert {"Conv2D", "BiasAdd", "BatchNorm", "ReLU6", "ResizeBilinearV2", "Sigmoid", "Concat"} <= set(primitives)
    assert not {"MakeTuple", "Conv2DBackpropInput", "BatchNormGrad"}.intersection(primitives)
    assert expansions == {}  # the CPU has kernels for all of these


def test_what_mindspore_made_of_a_primitive_is_read_from_the_scope():
    lines = """
      # Fullname with scope: (Expand/_SplitWithSize/Slice-op0)
      # Fullname with scope: (Gradients/Default/Expand/_SplitWithSize/MakeTuple-op0)
      # Fullname with scope: (Gradients/Default/Grad_Concat/SplitWithSize-op0)
    """
    assert _EXPANDED.findall(lines) == [("SplitWithSize", "Slice"), ("SplitWithSize", "MakeTuple")]
