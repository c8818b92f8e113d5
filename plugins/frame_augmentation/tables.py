"""From a table with a name and parameters to an albumentations transform, refusing what albumentations lets pass."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

import albumentations as A

from frame import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    if isinstance(inner := arguments.get("transforms"), (list, tuple)):
        arguments["transforms"] = [
            built(each, size, f"{where}.transforms[{index}]") for index, each in enumerate(inner)
        ]
    for key, value in {"size": (size, size), "height": size, "width": size}.items():
        if key in parameters and parameters[key].default is Parameter.empty:
            arguments.setdefault(key, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # it warns of values that it goes on to ignore
            return kind(**arguments)
    except (TypeError, ValueError, UserWarning) as error:
        raise UserError(f"augmentation: {where} ({name}): {_reason(error)}") from error


def _transform(name: str, where: str) -> Any:
    found = {key: each for key, each in vars(A).items() if isinstance(each, type)}
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
        return str(error)
    found = {".".join(map(str, each["loc"][:1])): each for each in errors()}
    return "; ".join(
        f"{key}: {each['msg']}" + ("" if each["type"] == "missing" else f", got {each['input']!r}")
        for key, each in found.items()
    )
