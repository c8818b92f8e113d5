"""The conformance kit: named checks of every kind of component, by pytest or by ``frame plugin check``.

.. code-block:: python

    from frame.testing import Case, parametrize_with_checks


    @parametrize_with_checks([Case("backbone", "tiny", {"width": 8})])
    def test_it_keeps_the_contract(check):
        check()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frame.testing.case import CAPABILITIES, Case
    from frame.testing.outcome import CheckFailedError, Outcome
    from frame.testing.parametrize import parametrize_with_checks
    from frame.testing.runner import checks_of, run_checks

_HOMES = {
    "CAPABILITIES": "frame.testing.case",
    "Case": "frame.testing.case",
    "CheckFailedError": "frame.testing.outcome",
    "Outcome": "frame.testing.outcome",
    "checks_of": "frame.testing.runner",
    "parametrize_with_checks": "frame.testing.parametrize",
    "run_checks": "frame.testing.runner",
}
__all__ = [
    "CAPABILITIES",
    "Case",
    "CheckFailedError",
    "Outcome",
    "checks_of",
    "parametrize_with_checks",
    "run_checks",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'frame.testing' has no attribute {name!r}")
