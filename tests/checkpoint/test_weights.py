"""Every known naming of PyTorch weights is recognised, and each tensor that does not fit is named."""

import json

import numpy as np
import pytest

from benchmarks.reference import golden
from src.checkpoint.conversion import compression_spec, convert, recognise
from src.checkpoint.pytorch_file import locate_input, read_state_dict
from src.common.errors import CheckpointError
from src.models.backbones import find_backbone
from src.spec.blocks import Norm
from tests.support.narrow import standard_spec

BACKBONE = "module.backbone.model."


@pytest.fixture(scope="module")
def official() -> dict[str, np.ndarray]:
    return golden.checkpoint("official")


@pytest.fixture(scope="module")
def backbone(official) -> dict[str, np.ndarray]:
    """torch's own MobileNetV2 names: features.0.0.weight, ..."""
    state = {name.removeprefix(BACKBONE): value for name, value in official.items() if name.startswith(BACKBONE)}
    return state | {"classifier.1.weight": np.zeros((2, 1280)), "classifier.1.bias": np.zeros(2)}


@pytest.fixture(scope="module")
def info() -> dict:
    return json.loads((golden.HERE / "compression_pruned_info.json").read_text())


def test_each_kind_is_recognised(official, backbone):
    assert recognise(list(official)) == "official"
    assert recognise([name.removeprefix("module.") for name in official]) == "official"
    assert recognise(list(golden.checkpoint("compression"))) == "compression"
    assert recognise(list(golden.checkpoint("compression_pruned"))) == "compression"
    for prefix in ("", "module.", "model.", "backbone.", "module.backbone.model."):
        assert recognise([prefix + name for name in backbone]) == "backbone"
    assert recognise(["_conv_stem.weight", "_bn0.weight"]) == "efficientnet_lite0"


@pytest.mark.parametrize(
    ("names", "shown"), [(["layer1.0.weight", "fc.bias"], "layer1.0.weight, fc.bias"), ([], "(none)")]
)
def test_a_foreign_file_is_refused_with_its_first_names(names, shown):
    with pytest.raises(CheckpointError) as error:
        recognise(names)
    assert f"its first names are {shown}." in str(error.value) and "state dict of MODNet" in str(error.value)


def test_official_tensors_go_where_they_belong(official):
    conversion = convert(official)
    assert (conversion.kind, conversion.network, conversion.problems) == ("official", "modnet", ())
    assert conversion.spec == standard_spec()
    for theirs, ours in {
        "backbone.model.features.0.0.weight": "encoder.stem.conv.weight",
        "backbone.model.features.1.conv.0.weight": "encoder.to2x.0.depthwise.conv.weight",
        "backbone.model.features.1.conv.4.running_var": "encoder.to2x.0.project.norm.bnorm.moving_variance",
        "backbone.model.features.3.conv.1.weight": "encoder.to4x.1.expand.norm.bnorm.gamma",
        "backbone.model.features.17.conv.6.weight": "encoder.to32x.13.project.conv.weight",
        "backbone.model.features.18.1.bias": "encoder.head.norm.bnorm.beta",
        "lr_branch.se_block.fc.2.weight": "lr_branch.se.fc2.weight",
        "lr_branch.conv_lr16x.layers.1.bnorm.running_mean": "lr_branch.conv_lr16x.norm.bnorm.moving_mean",
        "hr_branch.conv_hr4x.2.layers.0.bias": "hr_branch.conv_hr4x.2.conv.bias",
        "hr_branch.conv_hr.1.layers.0.weight": "hr_branch.head.conv.weight",
        "f_branch.conv_f.0.layers.0.weight": "f_branch.conv_f.conv.weight",
    }.items():
        np.testing.assert_array_equal(conversion.state[ours], official["module." + theirs], err_msg=ours)
    copies = [name for name in official if "lr_branch.backbone." in name]
    counters = [name for name in official if name.endswith("num_batches_tracked")]
    assert len(conversion.state) == len(set(official) - set(copies) - set(counters))
    assert all(value.dtype == np.float32 for value in conversion.state.values())


def test_the_module_prefix_makes_no_difference(official):
    plain = convert({name.removeprefix("module."): value for name, value in official.items()})
    assert plain.problems == () and set(plain.state) == set(convert(official).state)


def test_half_precision_comes_over_as_float32(official):
    state = {name: value.astype(np.float16) for name, value in official.items() if "num_batches" not in name}
    conversion = convert(state)
    assert conversion.problems == ()
    assert conversion.state["encoder.stem.conv.weight"].dtype == np.float32


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.backbone.model."])
def test_backbone_alone(backbone, prefix):
    conversion = convert({prefix + name: value for name, value in backbone.items() if "classifier" not in name})
    assert (conversion.kind, conversion.network, conversion.problems) == ("backbone", "encoder", ())
    assert conversion.spec == find_backbone("mobilenetv2").encoder() and len(conversion.state) == 260


def test_a_classifier_is_left_out(backbone):
    assert convert(backbone).problems == ()


def test_efficientnet_lite0_of_the_package():
    conversion = convert(read_state_dict(locate_input("efficientnet_lite0")))
    assert (conversion.kind, conversion.network, conversion.problems) == ("efficientnet_lite0", "encoder", ())
    assert conversion.spec == find_backbone("efficientnet_lite0").encoder()
    trained = [value.size for name, value in conversion.state.items() if "moving" not in name]
    assert sum(trained) == 4_652_008 - 1_281_000  # the ImageNet network without its classifier


def test_what_does_not_fit_is_named(official):
    state = dict(official)
    del state["module.f_branch.conv_lr4x.layers.0.bias"]
    state["module.f_branch.extra.weight"] = np.zeros(3)
    state["module.hr_branch.tohr_enc2x.layers.0.weight"] = np.zeros((32, 16, 3, 3))
    state["module.lr_branch.backbone.model.features.0.0.weight"] = np.zeros((32, 3, 3, 3))
    conversion = convert(state)
    assert sorted(conversion.problems) == [
        "contradicting: lr_branch.backbone.model.features.0.0.weight and backbone.model.features.0.0.weight hold "
        "different values",
        "mis-shaped: hr_branch.tohr_enc2x.layers.0.weight is [32, 16, 3, 3], expected [32, 16, 1, 1]",
        "missing: f_branch.conv_lr4x.layers.0.bias (for f_branch.conv_lr4x.conv.bias)",
        "unexpected: f_branch.extra.weight",
    ]


def test_a_wrong_kind_shows_as_missing_and_unexpected(official):
    problems = convert(official, "compression").problems
    assert any(p.startswith("missing: backbone.model.features.0.cbr.0.weight") for p in problems)
    assert "unexpected: backbone.model.features.0.0.weight" in problems


def test_a_pruned_network_takes_its_channels_from_the_side_file(info):
    conversion = convert(golden.checkpoint("compression_pruned"), prune_info=info)
    assert conversion.problems == ()
    spec = conversion.spec
    stem, *outs, head = info["new_cfg"]
    assert (spec.encoder.stem, [b.out for b in spec.encoder.blocks], spec.encoder.head) == (stem, outs, head)
    assert [spec.lr8x.channels, spec.lr16x.channels] == info["new_lr_channels"]
    assert spec.detail == Norm.half(int(32 * (1 - info["ratio"])))
    without = convert(golden.checkpoint("compression_pruned"))
    assert without.problems and all(problem.startswith("mis-shaped") for problem in without.problems)


@pytest.mark.parametrize(
    "change",
    [
        {"new_cfg": [1, 2, 3]},
        {"new_cfg": []},
        {"new_cfg": "all"},
        {"new_expansion_cfg": [6]},
        {"new_lr_channels": [32]},
        {"ratio": "half"},
        {"ratio": None},
    ],
    ids=str,
)
def test_mistakes_in_the_prune_info(info, change):
    with pytest.raises(CheckpointError, match=r"The prune info cannot be used .*new_cfg \(19 numbers\)"):
        compression_spec(info | change)


@pytest.mark.parametrize("content", [{}, [], "text"], ids=str)
def test_prune_info_of_another_kind(content):
    with pytest.raises(CheckpointError, match="The prune info cannot be used"):
        compression_spec(content)


def test_prune_info_with_other_weights(official, info):
    with pytest.raises(CheckpointError, match="belongs to a ModelCompression network, but the weights are 'official'"):
        convert(official, prune_info=info)
