"""The reference page of the checks, from their docstrings: ``python -m frame.testing.reference``."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

from frame.plugin.component import Kind
from frame.testing.case import CAPABILITIES
from frame.testing.general import CHECKS as GENERAL
from frame.testing.modules import SHARED
from frame.testing.runner import checks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from frame.testing.runner import Check

HEAD = """# Checks

What `frame plugin check` and `frame.testing.parametrize_with_checks` hold a component to, from the checks' own words.
[Check a plugin](../how-to/check-a-plugin.md) tells how to run them. This page is written by
`python -m frame.testing.reference`.

A check passes, fails, or is skipped with the reason. A case may lack a capability, for which checks are skipped:
"""


def markdown() -> str:
    """The whole page."""
    capabilities = "".join(f"- `{name}`: {meaning}.\n" for name, meaning in CAPABILITIES.items())
    sections = [HEAD, capabilities, *_section("Of every plugin", GENERAL)]
    sections += _section("Of backbones, experts and heads", SHARED)
    for kind in Kind:
        own = [check for check in checks_of(kind) if check not in GENERAL and check not in SHARED]
        sections += _section(f"Of {kind.plural}", own)
    return "\n".join(sections)


def _section(title: str, checks: Iterable[Check]) -> Iterator[str]:
    yield f"## {title}\n"
    for check in checks:
        text = inspect.cleandoc(check.__doc__ or "").replace("``", "`")
        yield f"**`{check.__name__}`** {text}\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
