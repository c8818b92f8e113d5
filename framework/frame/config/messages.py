"""Pydantic's errors in the words of a config's author."""

from __future__ import annotations

import json
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from frame.config.options import OfKind, Options, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "an array",
    "path_type": "a path",
    "string_type": "a string",
    "tuple_type": "an array",
}


def explain(error: ValidationError, model: type[Options], owner: str) -> list[Problem]:
    """One problem for each thing that is wrong with a table of ``owner``, with paths that start at that table."""
    problems: list[Problem] = []
    for details in error.errors(include_url=False):
        path = _without_union_tags(details)
        if details["type"] == "part":  # a component within a component brings its own problems
            problems += [inner.under(*path) for inner in details["ctx"].get("problems", ())] or [
                Problem(path, details["msg"])
            ]
        else:
            problems.append(Problem(path, _message(details, path, model, owner)))
    return _merged_alternatives(_without_echoes(error, problems))


def _message(details: ErrorDetails, path: tuple[str | int, ...], model: type[Options], owner: str) -> str:
    given = json.dumps(details["input"], default=str)
    match details["type"]:
        case "extra_forbidden":
            names = list(model.model_fields)
            close = get_close_matches(str(path[-1]), names, 1)
            hint = f'did you mean "{close[0]}"?' if close else f"there are: {', '.join(names) or 'none'}"
            return f"not an option of {owner}; {hint}"
        case "missing":
            documentation = model.documentation().get(str(path[0]))
            return f"required by {owner}" + (f": {documentation}" if documentation else "")
        case "literal_error":
            return f"expected {details['ctx']['expected']}, got {given}"
        case "value_error":
            return str(details["ctx"]["error"])
        case "string_pattern_mismatch":
            wanted, about = f"expected {details['ctx']['pattern']}", model.documentation().get(str(path[-1]))
            return f"got {given}; " + (f"{about} ({wanted})" if about else wanted)
        case "too_short":
            return f"name at least {details['ctx']['min_length']}, got {given}"
        case kind if kind in EXPECTED:
            return f"expected {EXPECTED[kind]}, got {given}"
        case _:
            message: str = details["msg"]
            return f"{message[0].lower()}{message[1:]}, got {given}"


def _without_echoes(error: ValidationError, problems: list[Problem]) -> list[Problem]:
    """Without the length of an array that only falls short because its items are wrong, which is said already."""
    short = {_without_union_tags(each) for each in error.errors(include_url=False) if each["type"] == "too_short"}
    deeper = {problem.path[:length] for problem in problems for length in range(len(problem.path))}
    return [problem for problem in problems if problem.path not in short & deeper]


def _without_union_tags(details: ErrorDetails) -> tuple[str | int, ...]:
    """Pydantic puts the name of each union member that it tried into the path; a config has no such key."""
    *path, last = details["loc"] or ("",)
    found = [item for item in path if isinstance(item, int) or item.replace("_", "").isidentifier()]
    # An unknown key is the author's own, whatever it looks like.
    ours = details["type"] == "extra_forbidden" or isinstance(last, int) or last.replace("_", "").isidentifier()
    return (*found, last) if ours else tuple(found)


def _merged_alternatives(problems: list[Problem]) -> list[Problem]:
    """Several complaints about one value, a union's, as one."""
    merged: dict[tuple[str | int, ...], list[str]] = {}
    for problem in problems:
        merged.setdefault(_trim(problem.path), []).append(problem.message)
    return [Problem(path, _alternatives(messages)) for path, messages in merged.items()]


_TYPE_TAGS = {"int", "float", "str", "bool", "tuple", "list", "dict", "path"}


def _trim(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return path[:-1] if len(path) > 1 and path[-1] in _TYPE_TAGS else path


def _alternatives(messages: list[str]) -> str:
    unique = list(dict.fromkeys(messages))
    if len(unique) > 1 and all(message.startswith("expected ") for message in unique):
        wanted = " or ".join(message.removeprefix("expected ").rsplit(", got ", 1)[0] for message in unique)
        return f"expected {wanted}, got {unique[0].rsplit(', got ', 1)[1]}"
    return "; ".join(unique)


def type_name(annotation: Any, metadata: Sequence[object] = ()) -> str:
    """A field's type as ``frame show`` prints it; a component's is its kind."""
    kind = next((each.kind for each in metadata if isinstance(each, OfKind)), None)
    if kind is not None:
        return kind.value
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(arguments[0], arguments[1:])
    if origin is Literal:
        return " | ".join(map(json.dumps, arguments))
    if origin in (Union, UnionType):
        return " | ".join(map(type_name, arguments))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(type_name, arguments))}]"
    if annotation in (None, NoneType):
        return "unset"
    return "..." if annotation is ... else getattr(annotation, "__name__", str(annotation))
