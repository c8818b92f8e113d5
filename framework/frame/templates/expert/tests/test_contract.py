"""Frame's checks of what an expert has to keep to, a test each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame.testing import Case, parametrize_with_checks

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = [
    Case("expert", "acme/acme", {"kernel": 5}),
]


@parametrize_with_checks(CASES)
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()
