"""The numbers that define a network, and their JSON form."""

import dataclasses
import json

import pytest

from src.common.errors import CheckpointError, NetworkError
from src.models.backbones import find_backbone
from src.spec.blocks import BlockSpec, Norm
from src.spec.mmnet import mmnet_spec
from src.spec.modnet import ModNetSpec
from src.spec.preprocess import Preprocess
from src.spec.serialisation import spec_from_json, spec_to_json
from tests.support.narrow import narrow_spec, standard_spec


@pytest.mark.parametrize(("channels", "bn", "inorm"), [(32, 16, 16), (5, 2, 3), (1, 0, 1)])
def test_half_rounds_the_batch_norm_down(channels, bn, inorm):
    norm = Norm.half(channels)
    assert (norm.bn, norm.inorm, norm.channels) == (bn, inorm, channels)


def stride(encoder) -> int:
    total = 2  # the stem
    for block in encoder.blocks:
        total *= block.stride
    return total


def test_mobilenetv2_follows_the_papers_table():
    encoder = find_backbone("mobilenetv2").encoder()
    assert [block.out for block in encoder.blocks] == [16, *[24] * 2, *[32] * 3, *[64] * 4, *[96] * 3, *[160] * 3, 320]
    assert [i for i, block in enumerate(encoder.blocks) if block.stride == 2] == [1, 3, 6, 13]
    assert encoder.blocks[0] == BlockSpec(hidden=32, out=16, kernel=3, stride=1, residual=False, expand=False)
    assert encoder.blocks[1] == BlockSpec(hidden=96, out=24, kernel=3, stride=2, residual=False, expand=True)
    assert encoder.blocks[2] == BlockSpec(hidden=144, out=24, kernel=3, stride=1, residual=True, expand=True)
    assert sum(block.residual for block in encoder.blocks) == 10
    assert (encoder.stem, encoder.head, encoder.tap_channels, stride(encoder)) == (32, 1280, (16, 24), 32)
    assert not encoder.same_padding and encoder.bn_eps == 1e-5


def test_efficientnet_lite0_follows_its_table():
    encoder = find_backbone("efficientnet_lite0").encoder()
    assert [block.out for block in encoder.blocks] == [
        16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320
    ]  # fmt: skip
    assert "".join(str(block.kernel) for block in encoder.blocks) == "3335533355555553"
    assert [i for i, block in enumerate(encoder.blocks) if block.stride == 2] == [1, 3, 5, 11]
    assert (encoder.head, encoder.tap_channels, stride(encoder)) == (1280, (16, 24), 32)
    assert encoder.same_padding and encoder.bn_eps == 1e-3


def test_standard_widths():
    spec = standard_spec()
    assert spec.encoder == find_backbone("mobilenetv2").encoder() and spec.se_hidden == 320
    assert (spec.lr16x.channels, spec.lr8x.channels) == (96, 32)
    assert [norm.channels for norm in spec.hr4x] == [64, 64, 32]
    assert [norm.channels for norm in spec.hr2x] == [64, 32, 32, 32]
    assert (spec.detail.channels, spec.f2x.channels, spec.fusion.channels) == (32, 32, 16)
    wider = standard_spec("efficientnet_lite0", hr=20, lr16x=10, lr8x=6)
    assert wider.encoder.name == "efficientnet_lite0"
    assert (wider.conv_enc4x, wider.fusion, wider.lr8x) == (Norm(20, 20), Norm(5, 5), Norm(3, 3))


@pytest.mark.parametrize(
    "spec", [standard_spec(), standard_spec("efficientnet_lite0"), narrow_spec()], ids=lambda s: s.se_hidden
)
def test_json_gives_back_the_same_spec(spec):
    again = spec_from_json(spec_to_json(spec))
    assert again == spec and hash(again) == hash(spec)  # lists would not hash
    assert isinstance(again, ModNetSpec) and isinstance(again.encoder.blocks[0], BlockSpec)


def test_a_spec_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        standard_spec().encoder.stem = 16


@pytest.mark.parametrize(
    ("taps", "message"),
    [
        ((2, 3), r"strides \(4, 4, 32\)"),
        ((1, 4), r"strides \(2, 8, 32\)"),
        ((3, 1), "taps after"),
        ((1, 9), "taps after"),
    ],
)
def test_taps_lie_where_the_strides_are_two_and_four(taps, message):
    encoder = narrow_spec().encoder
    with pytest.raises(NetworkError, match=message):
        dataclasses.replace(encoder, taps=taps)
    assert dataclasses.replace(encoder, taps=(0, 2)).tap_channels == (encoder.stem, 8)


def changed(**values) -> str:
    return json.dumps(json.loads(spec_to_json(narrow_spec())) | values)


def without(name: str) -> str:
    values = json.loads(spec_to_json(narrow_spec()))
    del values[name]
    return json.dumps(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(version=2), "version 2, this program reads version 1"),
        (changed(network="resnet"), "cannot be read .*resnet"),
        (changed(network="mmnet"), "cannot be read"),
        (changed(surplus=1), "cannot be read .*surplus"),
        (without("detail"), "cannot be read .*detail"),
        (without("version"), "cannot be read .*version"),
        (changed(encoder={"name": "x"}), "cannot be read"),
        ("[1, 2]", "cannot be read"),
        ("{", "cannot be read"),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(CheckpointError, match=message):
        spec_from_json(text)


def replaced(spec, path: str, value) -> str:
    """The spec's JSON with another value at a path such as `encoder.blocks.0.hidden`."""
    values = json.loads(spec_to_json(spec))
    *above, last = path.split(".")
    place = values
    for name in above:
        place = place[int(name) if name.isdigit() else name]
    place[int(last) if last.isdigit() else last] = value
    return json.dumps(values)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("encoder.stem", -4, "`stem` must be a whole number from 1 to 8192, got -4"),
        ("encoder.stem", 2.5, "`stem` .* got 2.5"),
        ("encoder.stem", True, "`stem` .* got True"),
        ("encoder.head", 10**9, "`head` .* got 1000000000"),
        ("encoder.taps", [999, 1], "A tap of the encoder .* got 999"),
        ("encoder.taps", [-1, 3], "A tap .* got -1"),
        ("encoder.taps", [1], "`taps` must have 2 entries, got 1"),
        ("encoder.taps", ["a", "b"], "A tap .* got 'a'"),
        ("encoder.blocks", [], "`blocks` must have 1 to 512 entries, got 0"),
        ("encoder.blocks.1.hidden", 0, "hidden channels .* got 0"),
        ("encoder.blocks.1.kernel", 4, "must be odd, got 4"),
        ("encoder.blocks.1.kernel", 999, "kernel .* got 999"),
        ("encoder.blocks.1.stride", 0, "stride .* got 0"),
        ("encoder.blocks.1.residual", True, "has a shortcut, but makes 8 channels of 6 at stride 2"),
        ("encoder.blocks.1.expand", False, "expands nothing"),
        ("encoder.blocks.1.expand", 1, "`expand` .* true or false, got 1"),
        ("encoder.bn_eps", -1, "`bn_eps` must be a number"),
        ("encoder.bn_eps", float("nan"), "`bn_eps` .* got nan"),
        ("se_hidden", 0, "`se_hidden` .* got 0"),
        ("detail.bn", -1, "batch-normalised channels .* got -1"),
        ("detail", {"bn": 0, "inorm": 0}, "A norm's channels .* got 0"),
        ("hr4x", [], "`hr4x` must have 3 entries, got 0"),
        ("easpp", {"channels": 0, "rates": [1]}, "channels of `easpp`"),
        ("easpp", {"channels": 2, "rates": [0]}, "rate of `easpp`"),
    ],
)
def test_impossible_numbers_of_a_modnet_are_refused(path, value, message):
    with pytest.raises(CheckpointError, match=f"cannot be built here. .*{message}"):
        spec_from_json(replaced(narrow_spec(), path, value))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("stem", 0, "`stem` .* got 0"),
        ("taps", [999, 1], "A tap of MMNet .* got 999"),
        ("taps", [0, 5], "A tap of MMNet .* got 0"),
        ("taps", [5, 9], r"strides \(8, 16, 16\) after \(5, 9\), expected \(4, 8, 16\)"),
        ("taps", [5, 1], "strides"),
        ("blocks.0.stride", 3, "stride .* got 3"),
        ("blocks.0.branches", [4], "rates .* must have 1 entries, got 4"),
        ("blocks.0.rates.0", 0, "dilation .* got 0"),
        ("blocks.0.out", -1, "channels .* got -1"),
        ("up8x.up", 0, "`up` .* got 0"),
        ("refine", [], "`refine` must have"),
        ("refine.0.stride", 2, "`refine` has blocks of stride 2"),
    ],
)
def test_impossible_numbers_of_an_mmnet_are_refused(path, value, message):
    with pytest.raises(CheckpointError, match=f"cannot be built here. .*{message}"):
        spec_from_json(replaced(mmnet_spec(0.5), path, value))


@pytest.mark.parametrize(
    "values",
    [
        {"mean": (float("nan"), 0, 0)},
        {"mean": (0, 0)},
        {"mean": 0.5},
        {"std": (0.5, 0, 0.5)},
        {"std": (0.5, float("inf"), 0.5)},
        {"std": (0.5, -0.5, 0.5)},
        {"std": ("a", 1, 1)},
        {"ref_size": 0},
        {"ref_size": (32768, 32768)},
        {"ref_size": (64, 64, 64)},
        {"ref_size": 51.5},
        {"ref_size": "512"},
        {"multiple": 0},
        {"color": "HSV"},
        {"color": ["RGB"]},
    ],
    ids=str,
)
def test_impossible_pre_processing_is_refused(values):
    with pytest.raises(NetworkError, match="of the pre-processing must"):
        Preprocess(**values)
