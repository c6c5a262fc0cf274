"""The table of what can be wrong with a data set."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault.

    Attributes:
        fatal: training would fail of it.
        what: the files that have it, in the plural.
        cure: how it is fixed.
    """

    fatal: bool
    what: str
    cure: str


FAULT_KINDS = {
    "setup": FaultKind(True, "fault of the configuration or folders", ""),
    "no alpha": FaultKind(
        True, "images without alpha", "Add the alphas (same name, any extension) or remove the images."
    ),
    "no image": FaultKind(
        True, "alphas without image", "Add the images (same name, any extension) or remove the alphas."
    ),
    "unreadable image": FaultKind(
        True, "images that cannot be read", "Copy them again, or remove them with their alphas."
    ),
    "unusable alpha": FaultKind(
        True, "alphas that cannot be used", "Copy them again, save them as 8- or 16-bit greyscale PNG, or remove both."
    ),
    "three channels": FaultKind(
        True,
        "alphas with several equal channels",
        "Set `alpha_allow_rgb: True` in this section to read the first one, or save them as greyscale PNG.",
    ),
    "transparency": FaultKind(
        True,
        "alphas in the fourth channel of RGBA files",
        "Set `alpha_channel: 4` in this section to read it, or save it as greyscale PNG.",
    ),
    "palette": FaultKind(
        True,
        "alphas with a palette of colours",
        "They are masks of classes: write 255 where the index is the person's, else 0, as greyscale PNG.",
    ),
    "size mismatch": FaultKind(
        True,
        "alphas of another size than their image",
        "Make the alphas again from these images. Swapped sides: the EXIF rotation was ignored when they were made.",
    ),
    "damaged": FaultKind(
        False,
        "files that decode with damage inside",
        "Look at them; copy them again, or remove both files of the pair.",
    ),
    "EXIF rotation": FaultKind(
        False,
        "images that carry an EXIF rotation",
        "It is applied on reading. Check that their alphas are upright; a half turn does not show in the sizes.",
    ),
    "dark alpha": FaultKind(
        False, "alphas that hold 0 and 1 instead of 0 and 255", "Multiply them by 255; as they are, nobody is there."
    ),
    "trimap": FaultKind(
        False,
        "alphas that are trimaps",
        "Name the folder of the alphas as `alpha_subpath`; trimaps are made from them while training.",
    ),
    "inverted alpha": FaultKind(
        False, "alphas that look inverted", "Subtract them from 255: the person is white, the background black."
    ),
    "never opaque": FaultKind(
        False, "alphas that never reach 1", "Check how they were written: 255 (65535) means opaque."
    ),
    "no person": FaultKind(False, "alphas that are 0 everywhere", "Remove the pairs unless these images show nobody."),
    "no background": FaultKind(False, "alphas that are 1 nearly everywhere", "Check them: such images teach little."),
    "binary alpha": FaultKind(
        False,
        "alphas with hard edges only",
        "They are masks, not mattes: hair and soft edges cannot be learned from them.",
    ),
    "shared": FaultKind(
        False,
        "images in training that validation has too",
        "Remove them from one of the two, else the validation scores are too good.",
    ),
}
