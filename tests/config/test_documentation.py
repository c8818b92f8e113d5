"""The strings under an options class's fields."""

from __future__ import annotations

from frame import Options


class Base(Options):
    first: int = 1
    """The first."""
    bare: int = 2


class Derived(Base):
    second: int = 3
    """The second,
    on two lines."""


def test_they_are_found_through_inheritance_and_only_where_they_stand() -> None:
    assert Derived.documentation() == {"first": "The first.", "second": "The second,\non two lines."}


def test_a_class_without_source_has_none() -> None:
    space: dict[str, object] = {"Options": Options, "__name__": "nowhere"}
    exec("class Made(Options):\n    a: int = 1\n    'doc'\n", space)  # noqa: S102
    assert space["Made"].documentation() == {}
