"""Types and errors in the words of a config's author."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest

from frame import OfKind, Part
from frame.config.messages import type_name


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, "int"),
        (Path | None, "Path | unset"),
        (tuple[Annotated[Part, OfKind("expert")], ...], "tuple[expert, ...]"),
        (Literal["a", "b"], '"a" | "b"'),
    ],
)
def test_a_type_reads_as_one_would_say_it(annotation: object, expected: str) -> None:
    assert type_name(annotation) == expected
