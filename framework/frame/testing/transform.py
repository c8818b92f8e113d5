"""Checks of transforms."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from frame.engine import randomness
from frame.testing.outcome import CheckSkippedError, fail, failing, skip, told

if TYPE_CHECKING:
    import numpy.typing as npt

    from frame.testing.case import Subject

    Bytes = npt.NDArray[np.uint8]

SEEDS = range(48)
SIZE = 64
ALIGNED = 0.5
"""Least correlation of a marker in the image with the one in the mask: blur, noise and cut-outs stay above."""


def check_result(subject: Subject) -> None:
    """It returns a dict with image ``[h, w, 3]`` and mask ``[h, w]``, both uint8 and of one size, for any seed.

    Frame normalises images and makes tensors of them; a transform only changes bytes.
    """
    transform = subject.build()
    for mask in (_marker(), np.zeros((SIZE, SIZE), np.uint8), np.ones((SIZE, SIZE), np.uint8)):
        for seed in SEEDS[:12]:
            with failing("it fails on bytes of image and mask", "take image= and mask= as keywords"):
                transform.set_random_seed(seed)
                out = transform(image=_image(mask), mask=mask.copy())
            if not isinstance(out, dict) or not {"image", "mask"} <= out.keys():
                fail(f"it returns a {type(out).__name__} without image or mask", "return a dict with both")
            for name, dimensions in (("image", 3), ("mask", 2)):
                value = out[name]
                if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
                    kind = getattr(value, "dtype", type(value).__name__)
                    fail(f"its {name} is {kind}", "leave normalisation and tensors to Frame: return uint8")
                if value.ndim != dimensions or (name == "image" and value.shape[2] != 3):
                    fail(f"its {name} has the shape {value.shape}", "keep the dimensions of what comes in")
            if out["image"].shape[:2] != out["mask"].shape:
                fail(f"its image is {out['image'].shape[:2]}, its mask {out['mask'].shape}", "do the same to both")


def check_image_and_mask_stay_aligned(subject: Subject) -> None:
    """A marker that is drawn in image and mask is in the same place in both, whatever the seed."""
    transform = subject.build()
    apart = []
    for seed in SEEDS:
        image, mask = _applied(transform, seed, _marker())
        if _alignment(image, mask) < ALIGNED:
            apart.append(seed)
    if apart:
        fail(
            f"a marker is in other places in image and mask for {len(apart)} of {len(SEEDS)} seeds, such as {apart[0]}",
            "do to the mask what moves the image, with the same random numbers",
        )


def check_mask_keeps_its_values(subject: Subject) -> None:
    """A mask holds no values after it that it did not hold before: classes have nothing in between."""
    transform = subject.build()
    mask = 100 * _marker() + (np.arange(SIZE) > SIZE // 2).astype(np.uint8) * 7
    known = {0, *np.unique(mask).tolist(), 255}
    for seed in SEEDS:
        _, found = _applied(transform, seed, mask)
        if foreign := set(np.unique(found).tolist()) - known:
            fail(
                f"a mask of {sorted(known)} holds {sorted(foreign)[0]} after it (seed {seed})",
                "interpolate masks by nearest neighbours, and colour the image alone",
            )


def check_seed_decides(subject: Subject) -> None:
    """What it does follows from the seed it was given, not from other random states, nor from earlier calls."""
    transform, other = subject.build(), subject.build(seed=1)
    for seed in SEEDS[:16]:
        first = _applied(transform, seed, _marker())
        randomness.seed(seed + 1000)
        _applied(transform, seed + 500, _marker())
        for again in (_applied(transform, seed, _marker()), _applied(other, seed, _marker())):
            if any(not np.array_equal(*pair) for pair in zip(first, again, strict=True)):
                fail(
                    f"the same seed gives another result the second time (seed {seed})",
                    "draw all random numbers from a generator that set_random_seed starts anew",
                )


def check_input_is_left_alone(subject: Subject) -> None:
    """The arrays that it is given are not changed: a data set may keep them."""
    transform = subject.build()
    for seed in SEEDS:
        mask = _marker()
        image = _image(mask)
        before = image.copy(), mask.copy()
        try:
            transform.set_random_seed(seed)
            transform(image=image, mask=mask)
        except Exception as error:
            raise CheckSkippedError(f"it can't be applied, see check_result ({told(error)})") from error
        if not np.array_equal(image, before[0]) or not np.array_equal(mask, before[1]):
            fail(f"it changes the arrays that it is given (seed {seed})", "work on copies")


def check_pickles(subject: Subject) -> None:
    """It can be pickled, as loader's workers are handed it, and does the same after."""
    transform = subject.build()
    first = _applied(transform, 3, _marker())
    with failing("it can't be pickled", "hold no lambda, local function or open file"):
        twin = pickle.loads(pickle.dumps(transform))  # noqa: S301  (what was just written)
    if any(not np.array_equal(*pair) for pair in zip(first, _applied(twin, 3, _marker()), strict=True)):
        fail("what was pickled does something else for the same seed", "keep all it needs on the object")


CHECKS = (
    check_result,
    check_image_and_mask_stay_aligned,
    check_mask_keeps_its_values,
    check_seed_decides,
    check_input_is_left_alone,
    check_pickles,
)


def _marker() -> Bytes:
    """``[64, 64]``: blocks that no flip, turn or shift brings onto themselves."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for top, left, height, width in (
        (6, 8, 12, 20),
        (22, 10, 8, 10),
        (36, 34, 20, 9),
        (12, 46, 10, 8),
        (46, 12, 9, 10),
    ):
        mask[top : top + height, left : left + width] = 1
    return mask


def _image(mask: Bytes) -> Bytes:
    """Bright where the mask is, on grey."""
    image = np.full((*mask.shape, 3), 60, np.uint8)
    image[mask > 0] = (200, 190, 180)
    return image


def _applied(transform: Any, seed: int, mask: Bytes) -> tuple[Bytes, Bytes]:
    try:
        transform.set_random_seed(seed)
        out = transform(image=_image(mask), mask=mask.copy())
        image, found = np.asarray(out["image"]), np.asarray(out["mask"])
        if image.dtype != np.uint8 or found.dtype != np.uint8 or image.ndim != 3 or image.shape[:2] != found.shape:
            skip("its result is not of the contract's form, see check_result")
    except CheckSkippedError:
        raise
    except Exception as error:
        raise CheckSkippedError(f"it can't be applied, see check_result ({told(error)})") from error
    return image, found


def _alignment(image: Bytes, mask: Bytes) -> float:
    """How far brightness and mask are correlated, whichever is the brighter; 1 where both are flat."""
    grey, truth = image.mean(axis=2).ravel(), (mask > 0).ravel().astype(float)
    if truth.std() < 0.05 or truth.mean() < 0.02:
        return 1.0 if grey.std() < 40 else 0.0
    if grey.std() < 1:
        return 1.0  # wiped out, which is not a question of place
    return float(abs(np.corrcoef(grey, truth)[0, 1]))
