"""The size of a network's inputs: what it takes, and how another size is asked for."""

from dataclasses import dataclass, replace

from ..common.errors import ConfigError, ModelError
from ..common.sizes import parse_sides, show_size
from ..spec.preprocess import Preprocess
from .base import InputForm, Predictor, one_image_at_a_time


@dataclass(frozen=True)
class SizeOption:
    """An option of a command line that asks for a size, for messages.

    Attributes:
        name: Of the option.
        one_side: Whether it may be the length of one side.
        optional: Whether the model's own size is taken where it is left out.
    """

    name: str
    one_side: bool = False
    optional: bool = True


REF_SIZE = SizeOption("--ref_size", one_side=True)
INPUT_SHAPE = SizeOption("--input_shape")
SHAPE = SizeOption("--shape", optional=False)


def only_size(preprocess: Preprocess, form: InputForm) -> tuple[int, int] | None:
    """(height, width) that inputs have without being asked for: the only one a model takes, or its preprocess's."""
    return form.size or preprocess.fixed_size


def takes_size(size: tuple[int, int], preprocess: Preprocess, form: InputForm) -> bool:
    """Whether a model takes inputs of this (height, width)."""
    if form.size is not None:
        return size == form.size
    return size == preprocess.fixed_size or not any(side % preprocess.multiple for side in size)


def parse_input_shape(text: str) -> tuple[int, int]:
    """`1,3,480,288`, or `480,288` -> (480, 288): height and width; ConfigError for anything else."""
    try:
        sides = parse_sides(text)
    except ConfigError:
        sides = ()
    if sides[:-2] not in ((), (1, 3)) or len(sides) < 2 or min(sides) < 1:
        raise ConfigError(f"`input_shape` must be 1,3,H,W or H,W with a fixed height and width, got {text!r}.")
    return sides[-2], sides[-1]


def use_ref_size(
    predictor: Predictor, ref_size: int | tuple[int, int] | None, model: object, ref_side: str | None = None
) -> None:
    """Let `prepare` make inputs of `ref_size`: one side in pixels, or (height, width) of every input.

    Nothing changes for None and for what the model says itself. `ref_side` says which side, "shorter" or "longer";
    without it, it is the side that the model says.

    Raises:
        ConfigError: `ref_side` where inputs have one size whatever the image.
        ModelError: the model takes inputs of one size only, or sides that are a multiple of another number.
    """
    if ref_side is not None:
        _use_ref_side(predictor, ref_side, ref_size, model)
    preprocess, form = predictor.preprocess, predictor.form
    if ref_size is None or ref_size == preprocess.ref_size or ref_size == form.size:
        return
    _check(ref_size, preprocess, form, model, REF_SIZE)
    if isinstance(ref_size, tuple) and preprocess.fixed_size is None:
        predictor.form = replace(form, size=ref_size)  # a network of any size, resampled as it is used to
    else:
        predictor.preprocess = replace(preprocess, ref_size=ref_size)


def _use_ref_side(predictor: Predictor, ref_side: str, ref_size: int | tuple[int, int] | None, model: object) -> None:
    size = only_size(predictor.preprocess, predictor.form) if ref_size is None else ref_size
    if isinstance(size, tuple):
        raise ConfigError(
            f"--ref_side {ref_side} says which side one number is the length of; {model} gets inputs of "
            f"{show_size(size)} (height x width). Leave it out, or give --ref_size one number."
        )
    predictor.preprocess = replace(predictor.preprocess, ref_side=ref_side)


def choose_size(
    asked: tuple[int, int] | None, preprocess: Preprocess, form: InputForm, model: object, option: SizeOption
) -> tuple[int, int]:
    """(height, width) of all inputs: the one that is asked for, else the model's own.

    Raises:
        ConfigError: there is neither.
        ModelError: the model takes inputs of one size only, or sides that are a multiple of another number.
    """
    own = only_size(preprocess, form)
    size = asked or own
    if size is None:
        raise ConfigError(f"Which size shall the inputs have? {model} takes any. Say {option.name} 1,3,480,288 "
                          "(1,3,height,width).")  # fmt: skip
    if size != own:
        _check(size, preprocess, form, model, option)
    return size


def fix_size(predictor: Predictor, asked: tuple[int, int] | None, model: object, option: SizeOption) -> None:
    """Let `prepare` make inputs of one size whatever the image.

    Raises:
        ConfigError: as `choose_size` says.
        ModelError: as `choose_size` says, or the model takes several images at once only.
    """
    one_image_at_a_time(predictor, model)
    size = choose_size(asked, predictor.preprocess, predictor.form, model, option)
    predictor.form = replace(predictor.form, size=size)


def _check(
    size: tuple[int, int] | int, preprocess: Preprocess, form: InputForm, model: object, option: SizeOption
) -> None:
    if form.size is not None:
        only = show_size(form.size)
        cure = f"leave {option.name} out" if option.optional else f"give {option.name} {only}"
        raise ModelError(f"{model} takes only inputs of {only} (height x width), not {_show(size)}: {cure}, or export "
                         "it without --input_shape.")  # fmt: skip
    multiple = preprocess.multiple
    if size < multiple if isinstance(size, int) else any(side % multiple for side in size):
        one = f"a {preprocess.ref_side} side of at least {multiple} pixels or " if option.one_side else ""
        raise ModelError(f"{option.name} is {_show(size)}; {model} takes {one}a height and a width that are "
                         f"multiples of {multiple}.")  # fmt: skip


def _show(size: tuple[int, int] | int) -> str:
    return str(size) if isinstance(size, int) else show_size(size)
