"""``:class:`frame.Options` `` in a docstring becomes a link in the site, or plain code where no page has the name."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

ROLE = re.compile(r":(?:class|meth|func|attr|data):`([\w.]+)`")


class Roles(Extension):
    """Rewrites the docstring of every object that is loaded."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Called by griffe for each object."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(lambda found: _link(obj, found[1]), obj.docstring.value)


def _link(obj: Object, name: str) -> str:
    full = name if name.startswith("frame.") else _beside(obj, name)
    return f'<autoref identifier="{full}" optional>`{name.removeprefix("frame.").rpartition(".")[2]}`</autoref>'


def _beside(obj: Object, name: str) -> str:
    """The full name of what stands in the same class or module."""
    scope: Any = obj
    while scope is not None:
        if name.partition(".")[0] in scope.members:
            return f"{scope.path}.{name}"
        scope = scope.parent
    return name
