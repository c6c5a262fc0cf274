"""From a blocky label map to a soft matte: clean the mask, draw a trimap, solve closed-form matting.

Arrays: a photograph is uint8 RGB [H, W, 3], a mask bool [H, W]. A trimap is float64 [H, W] of 0, 0.5 and 1,
a matte float32 [H, W] in [0, 1]. Lengths are pixels of the roughly 550 x 830 photographs of Clothing Co-Parsing.
"""

import cv2
import numpy as np

from ....common.errors import DataError

HAIR_LABEL = 19
HEAD_SHARE = 0.16  # the head is the top of the person's box
BODY_BAND = (5.0, 9.0)  # width of the unknown band inside and outside of the outline
HEAD_BAND = (9.0, 18.0)
THIN_CORE = 0.6  # where a limb or a gap is thinner than the band, this share of its half width is unknown
THIN_LEAST = 2.5  # half width below which a limb or a gap is a doubtful superpixel and may stay unknown
HAZE = 0.06  # closed-form mattes leave this much haze over textured ground; see `_clear_haze`
MAX_HOLE = 0.002  # holes up to this share of the person are faults of the outline, larger ones are real
MIN_PART = 0.01  # parts smaller than this share of the largest are stray superpixels
MIN_AGREEMENT = 0.95
MIN_PERSON = 0.02
MAX_PERSON = 0.9


def _ellipse(radius: int) -> np.ndarray:
    """A disc as a kernel, uint8 [2 r + 1, 2 r + 1] of 0 and 1."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _drop_small(mask: np.ndarray, min_area: float) -> np.ndarray:
    """Keep the 8-connected parts of a mask, bool [H, W], that have at least `min_area` pixels."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area
    keep[0] = False
    return keep[parts] if count > 1 else mask


def clean_mask(labels: np.ndarray) -> np.ndarray:
    """Person mask, bool [H, W], of a label map [H, W] (0 is background): closed, stray parts and small holes removed.

    Raises:
        DataError: no person is left.
    """
    mask = cv2.morphologyEx((labels > 0).astype(np.uint8), cv2.MORPH_CLOSE, _ellipse(2))
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    largest = stats[1:, cv2.CC_STAT_AREA].max(initial=0)
    if largest < MIN_PERSON * mask.size:
        raise DataError(
            f"no person: the largest labelled part covers {largest / mask.size:.1%} of the image, "
            f"{MIN_PERSON:.0%} is the least"
        )
    person = _drop_small(mask > 0, MIN_PART * largest)
    return ~_drop_small(~person, MAX_HOLE * person.sum())


def _head_zone(mask: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Where outlines are hair, bool [H, W]: the top of the person's box, and what is labelled hair, with a margin."""
    rows = np.flatnonzero(mask.any(axis=1))
    head = np.zeros_like(mask)
    head[: rows[0] + round(HEAD_SHARE * (rows[-1] - rows[0] + 1))] = True
    hair = cv2.dilate(((labels == HAIR_LABEL) & mask).astype(np.uint8), _ellipse(round(HEAD_BAND[1])))
    return head | (hair > 0)


def make_trimap(mask: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Trimap of a person mask, float64 [H, W]: a band of unknown pixels along the outline, wider round the head.

    A wrist or the gap between two legs is thinner than the band. Its middle stays known, or the matting
    would have nothing to spread from: the wrist would wash out, the gap would fill.
    """
    head = _head_zone(mask, labels)
    trimap = np.full(mask.shape, 0.5)
    trimap[_core(mask, np.where(head, HEAD_BAND[0], BODY_BAND[0]))] = 1.0
    trimap[_core(~mask, np.where(head, HEAD_BAND[1], BODY_BAND[1]))] = 0.0
    return trimap


def _core(region: np.ndarray, band: np.ndarray) -> np.ndarray:
    """Pixels, bool [H, W], deeper inside a region than `band` [H, W], or than THIN_CORE of a thin part's half width."""
    depth = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 5)
    half_width = cv2.dilate(depth, _ellipse(round(band.max())))
    thin = np.where(half_width >= THIN_LEAST, THIN_CORE * half_width, np.inf)
    return depth > np.minimum(band, thin)


def closed_form_alpha(photograph: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """Solve the unknown pixels of a trimap; photograph uint8 [H, W, 3], matte float32 [H, W] in [0, 1].

    Levin, Lischinski, Weiss: A Closed-Form Solution to Natural Image Matting, 2008.

    Raises:
        DataError: the solver does not converge.
    """
    from pymatting import estimate_alpha_cf  # slow to import, and needed for nothing else

    try:
        alpha = estimate_alpha_cf(photograph / 255.0, trimap, laplacian_kwargs={"epsilon": 1e-6})
    except ValueError as error:
        raise DataError(f"the matting did not converge ({error})") from error
    return _clear_haze(alpha).astype(np.float32)


def _clear_haze(alpha: np.ndarray) -> np.ndarray:
    """Stretch float [H, W] from [HAZE, 1 - HAZE] to [0, 1]: almost clear becomes clear, almost solid becomes solid."""
    return np.clip((alpha - HAZE) / (1 - 2 * HAZE), 0, 1)


def check_matte(alpha: np.ndarray, mask: np.ndarray) -> None:
    """Refuse a matte, float32 [H, W], that left its mask, bool [H, W]: it would teach a wrong outline.

    Raises:
        DataError: they disagree, or the person fills the image.
    """
    person = alpha > 0.5
    agreement = (person & mask).sum() / max((person | mask).sum(), 1)
    if agreement < MIN_AGREEMENT:
        raise DataError(f"matte and mask disagree: IoU {agreement:.3f}, {MIN_AGREEMENT} is the least")
    if person.mean() > MAX_PERSON:
        raise DataError(f"the person covers {person.mean():.0%} of the image, {MAX_PERSON:.0%} is the most")


def matte_photograph(photograph: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Matte, float32 [H, W] in [0, 1], of a photograph, uint8 [H, W, 3], from its label map [H, W].

    Raises:
        DataError: none can be had.
    """
    if labels.shape != photograph.shape[:2]:
        raise DataError(f"the photograph is {photograph.shape[:2]}, its annotation {labels.shape} (height, width)")
    mask = clean_mask(labels)
    alpha = closed_form_alpha(photograph, make_trimap(mask, labels))
    check_matte(alpha, mask)
    return alpha
