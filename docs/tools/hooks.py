"""The specification of each hook, under its heading on the page of the hooks."""

from __future__ import annotations

import inspect
import re
import textwrap

from frame.plugin import hookspecs
from frame.plugin.component import Kind

ROLE = re.compile(r":\w+:`([\w.]+)`")


def with_specifications(text: str) -> str:
    """The page, in Markdown, with the specification below each hook's heading as it is in the code."""
    for kind in Kind:
        block = re.compile(rf"^### {kind.hook}\(\)\n\n(?:```python\ndef frame_.*?^```\n\n)?", re.MULTILINE | re.DOTALL)
        text = block.sub(lambda _, hook=kind.hook: f"### {hook}()\n\n{specification(hook)}\n\n", text)
    return text


def specification(hook: str) -> str:
    """Signature and documentation of a hook, as a block of Python."""
    function = getattr(hookspecs, hook)
    signature = f"def {hook}{inspect.signature(function)}:".replace("'", "")
    paragraphs = ROLE.sub(r"`\1`", inspect.getdoc(function) or "").split("\n\n")
    filled = "\n\n".join(textwrap.fill(" ".join(each.split()), 66) for each in paragraphs)
    end = "\n" if "\n" in filled else ""
    documentation = textwrap.indent(f'"""{filled}{end}"""', "    ")
    return f"```python\n{signature}\n{documentation}\n```"
