"""Writing HTML and SVG: elements as functions, all text escaped unless it is markup already."""

from __future__ import annotations

import math
import re
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    Child: TypeAlias = "Html | str | Iterable[Html] | None"
    Attribute = str | float | bool | None

NONE = "\N{EN DASH}"
VOID = frozenset({"br", "img", "meta", "wbr"})
_ENDS = re.compile(r"(?<=[/_.-])(?=.)")


class Html(str):
    """Markup, which is not escaped again."""

    __slots__ = ()


class Section(NamedTuple):
    """A part of the page to which a link leads."""

    key: str
    title: str
    body: Html


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """An element. In attributes' names ``_`` stands for ``-``, but at the end; those that are ``None`` are left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(_text(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Html:
    """Elements and texts one after another."""
    return Html("".join(_markup(child) for child in children))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Html | str]], *, words: bool = False) -> Html:
    """A table whose rows begin with their heading; numbers are read from the right, ``words`` from the left.

    It scrolls in itself where the screen is narrower.
    """
    top = tag("tr", [tag("th", cell, scope="col") for cell in head])
    body = [
        tag("tr", tag("th", breakable(first), scope="row"), [_cell(cell) for cell in rest]) for first, *rest in rows
    ]
    inner = tag(
        "table", tag("caption", caption), tag("thead", top), tag("tbody", body), class_="words" if words else None
    )
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def section(key: str, title: str, *children: Child) -> Section:
    """A section of the page with its heading."""
    return Section(key, title, tag("section", tag("h2", title), *children, id=key, class_="section"))


def breakable(text: Html | str) -> Html | str:
    """A name that may be broken behind its ``/``, ``_``, ``.`` and ``-``, where a column is narrow."""
    return text if isinstance(text, Html) else Html("<wbr>".join(escape(part) for part in _ENDS.split(text)))


def number(value: float | None, digits: int = 4) -> str:
    """A figure with so many decimals, a dash for one that is none; tiny ones in scientific notation."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:.{digits}f}" if value == 0 or abs(value) >= 10 ** (1 - digits) else f"{value:.2e}"


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _cell(content: Html | str) -> Html:
    return content if isinstance(content, Html) and content.startswith("<td") else tag("td", content)


def _markup(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    return escape(child, quote=False) if isinstance(child, str) else "".join(map(_markup, child))


def _text(value: Attribute) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
