"""The numbers that define a network, and their JSON form."""

import dataclasses
import json

import pytest

from src.common.errors import CheckpointError, NetworkError
from src.models.backbones import find_backbone
from src.spec.blocks import BlockSpec, Norm
from src.spec.modnet import ModNetSpec
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
