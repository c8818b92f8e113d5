"""Trying a pipeline out, so that what a config gets wrong is said before training and not by a loader's worker."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from frame import UserError
from frame_augmentation.quiet import albumentations as A

CHOICES = (A.OneOf, A.OneOrOther, A.SomeOf)  # groups that apply some of their transforms
Data = dict[str, Any]


def try_out(pipeline: Any, size: int) -> None:
    """Apply every transform once, however seldom a draw would, to an image with an object and to one without.

    Raises
    ------
    UserError
        If a transform fails, or what comes out is no image with a mask.
    """
    image, blank = np.zeros((size, size, 3), np.uint8), np.zeros((size, size), np.uint8)
    mask = blank.copy()
    mask[size // 4 : size // 2, size // 4 : size // 2] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what black pictures are
        for each in (mask, blank):
            for out in _outcomes(pipeline, [{"image": image, "mask": each}]):
                _check(out)


def _outcomes(transform: Any, given: list[Data]) -> list[Data]:
    """What a transform can make of what it is given; of those that are alike in size and type, one."""
    if not transform.p:
        return given
    found = given
    if isinstance(transform, CHOICES):
        found = [out for each in transform for out in _outcomes(each, given)]
    elif isinstance(transform, (A.Compose, A.Sequential)) and not isinstance(transform, A.ReplayCompose):
        for each in transform:
            found = _outcomes(each, found)
    else:
        found = [_applied(transform, data) for data in given]
    alike = {tuple((out[key].shape, str(out[key].dtype)) for key in ("image", "mask")): out for out in found}
    return list(alike.values()) or given


def _applied(transform: Any, data: Data) -> Data:
    try:
        out: Data = transform(force_apply=True, **data)
    except Exception as error:
        height, width = data["image"].shape[:2]
        reason = f"it needs {error}, which Frame doesn't have" if isinstance(error, KeyError) else str(error)
        name = type(transform).__name__
        raise UserError(f"augmentation: {name} fails on an image of {height} x {width}: {reason}") from error
    return out


def _check(out: Data) -> None:
    for key, channels in (("image", (3,)), ("mask", ())):
        value = out[key]
        if value.dtype != np.uint8 or value.shape[2:] != channels:
            raise UserError(
                f"augmentation: makes the {key} {value.dtype} {tuple(value.shape)}, not bytes of the same channels; "
                "Frame normalises images and makes tensors itself, so leave such transforms out"
            )
