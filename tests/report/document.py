"""A page as a tree, read by a parser that forgives nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VOID = {"br", "img", "meta", "wbr"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def all(self, *names: str) -> Iterator[Element]:
        """The elements of these names within this one, in the page's order."""
        for child in self.children:
            if child.name in names:
                yield child
            yield from child.all(*names)

    def by_id(self, key: str) -> Element:
        return next(each for each in self.all("section") if each.attributes.get("id") == key)

    def by_class(self, name: str) -> list[Element]:
        return [each for each in self.walk() if name in (each.attributes.get("class") or "").split()]

    def walk(self) -> Iterator[Element]:
        for child in self.children:
            yield child
            yield from child.walk()

    @property
    def text(self) -> str:
        """All of its text, its children's after its own."""
        return " ".join([*self.texts, *(child.text for child in self.children)])


class _Strict(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("document")]
        self.within_word = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"<{tag}> has an attribute twice"
        element = Element(tag, dict(attrs))
        self.within_word = tag == "wbr"
        if self.within_word:
            return
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert tag not in VOID
        assert self.open.pop().name == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        texts = self.open[-1].texts
        start = texts.pop() if self.within_word else ""
        texts.append(start + data)
        self.within_word = False


def parsed(text: str) -> Element:
    """The whole document. Fails where an element is left open or closed twice."""
    assert text.startswith("<!doctype html>\n")
    parser = _Strict()
    parser.feed(text)
    parser.close()
    assert [each.name for each in parser.open] == ["document"]
    return parser.open[0]
