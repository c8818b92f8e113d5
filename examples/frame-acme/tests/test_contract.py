"""Frame's checks of what a backbone, an expert and a loss have to keep to, a test each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame.testing import Case, parametrize_with_checks

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = [
    Case("backbone", "acme/tiny", {"width": 8}),
    Case("expert", "acme/wavelet"),
    Case("expert", "acme/wavelet", {"smooth": True}),
    Case("loss", "acme/log_cosh_dice"),
]


@parametrize_with_checks(CASES)
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()
