"""The fields of an options class as Markdown: a list that reads well on a phone too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from frame.config.messages import type_name
from frame.config.options import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from frame.config.options import Options

NOTE = "<!-- Written by `python docs/tools/generate.py` from the code. -->"
LIMITS = {
    "ge": "≥ {}",
    "gt": "> {}",
    "le": "≤ {}",
    "lt": "< {}",
    "min_length": "{} or more",
    "max_length": "{} at most",
}


def option_list(model: type[Options]) -> str:
    """Every field with its type, limits, default and documentation."""
    documentation = model.documentation()
    items = []
    for name, field in model.model_fields.items():
        text = f"- **`{name}`** · {_type(field)} · {_default(field)}"
        if name in documentation:
            text += "\n\n" + "\n".join(f"    {line}".rstrip() for line in documentation[name].splitlines())
        items.append(text)
    return '<div class="options" markdown="1">\n\n' + "\n\n".join(items) + "\n\n</div>"


def _type(field: FieldInfo) -> str:
    whole = type_name(field.annotation, field.metadata)
    alternatives = whole.split(" | ")
    if any("[" in each and "]" not in each for each in alternatives):  # a union within brackets stays whole
        alternatives = [whole.removesuffix(" | unset")]
    shown = ", ".join(f"`{each}`" for each in alternatives if each != "unset")
    limits = ", ".join(_limits(field))
    return f"{shown} {limits}".rstrip()


def _limits(field: FieldInfo) -> Iterator[str]:
    for each in field.metadata:
        for key, words in LIMITS.items():
            if (value := getattr(each, key, None)) is not None:
                yield words.format(value)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    return "unset" if value is None else f"default `{json.dumps(plain(value))}`"
