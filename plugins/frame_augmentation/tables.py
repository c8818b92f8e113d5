"""From a table with a name and parameters to an albumentations transform, refusing what albumentations lets pass."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

import cv2

from frame import UserError
from frame_augmentation.quiet import albumentations as A

if TYPE_CHECKING:
    from collections.abc import Iterable

BASES = (A.BasicTransform, A.BaseCompose, A.DualTransform, A.ImageOnlyTransform, A.Transform3D)  # do nothing themselves
ADVICE = ".*(special case|specialized version|alias for|very slow)"  # what it warns of and does all the same
KEEP_VALUES = (cv2.INTER_NEAREST, cv2.INTER_NEAREST_EXACT)


def built(table: dict[str, Any], size: int, where: str) -> Any:
    """The transform that ``table`` describes; ``where`` is its place in the config.

    Raises
    ------
    UserError
        If there is no such transform, or its arguments are unknown, missing or of a wrong type.
    """
    arguments = dict(table)
    name = str(arguments.pop("name", ""))
    kind = _transform(name, where)
    parameters = signature(kind).parameters
    for key in arguments:
        if key not in parameters:
            raise UserError(f"augmentation: {where}.{key}: not an argument of {name}; {_hint(key, parameters)}")
    if issubclass(kind, A.BaseCompose):
        arguments = {key: _inner(value, size, f"{where}.{key}") for key, value in arguments.items()}
    for key, value in {"size": (size, size), "height": size, "width": size}.items():
        if key in parameters and parameters[key].default is Parameter.empty:
            arguments.setdefault(key, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # it warns of values that it goes on to ignore
            warnings.filterwarnings("ignore", ADVICE, UserWarning)
            transform = kind(**arguments)
    except Exception as error:
        raise UserError(f"augmentation: {where} ({name}): {_reason(error)}") from error
    if getattr(transform, "mask_interpolation", None) not in (None, *KEEP_VALUES):
        raise UserError(
            f"augmentation: {where}.mask_interpolation: a mask holds numbers of classes, between which there is "
            f"nothing: {cv2.INTER_NEAREST} (nearest) and {cv2.INTER_NEAREST_EXACT} (nearest, exact) keep them"
        )
    return transform


def _inner(value: Any, size: int, where: str) -> Any:
    """A group's argument, with the transforms that it holds."""
    if isinstance(value, dict):
        return built(value, size, where)
    if isinstance(value, (list, tuple)):
        return [_inner(each, size, f"{where}[{index}]") for index, each in enumerate(value)]
    return value


def _transform(name: str, where: str) -> Any:
    found = {key: each for key, each in vars(A).items() if isinstance(each, type) and each not in BASES}
    found = {key: each for key, each in found.items() if issubclass(each, (A.BasicTransform, A.BaseCompose))}
    if name not in found:
        version = f"albumentations {A.__version__}"
        raise UserError(f"augmentation: {where}: {version} has no transform {name!r}; {_hint(name, found)}")
    return found[name]


def _hint(word: str, offered: Iterable[str]) -> str:
    by_lower = {each.lower(): each for each in offered}
    close = [by_lower[each] for each in get_close_matches(word.lower(), by_lower, 3)]
    return f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(sorted(offered))}"


def _reason(error: Exception) -> str:
    """What pydantic found wrong with each argument; or the message as it is."""
    errors = getattr(error.__cause__, "errors", None)
    if errors is None:
        return str(error) or type(error).__name__
    found = {".".join(map(str, each["loc"][:1])): each for each in errors()}
    return "; ".join(
        (f"{key}: " if key else "")
        + each["msg"].removeprefix("Value error, ")
        + ("" if each["type"] == "missing" or not key else f", got {each['input']!r}")
        for key, each in found.items()
    )
