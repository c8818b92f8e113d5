"""Frame's checks of what a head has to keep to, a test each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame.testing import Case, parametrize_with_checks

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = [
    Case("head", "acme/acme", {"width": 8}),
]


@parametrize_with_checks(CASES)
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()
