"""Every built-in component with its options: a page a kind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from frame import catalog
from frame.plugin.component import TASKS, Kind
from options import NOTE, option_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from frame.plugin.catalog import Entry

WHERE = {
    Kind.BACKBONE: "Table `[backbone]`.",
    Kind.EXPERT: "Option `head.experts`. [How to choose and watch them](../../how-to/experts.md).",
    Kind.HEAD: "Table `[head]`.",
    Kind.LOSS: "Tables `[losses.<label>]`, each with a `weight`. [Which to take when](../losses.md).",
    Kind.STRATEGY: "Table `[strategy]`. [Several GPUs](../../how-to/multi-gpu.md).",
    Kind.DATASET: "Table `[data]`, beside the [settings of every set](../tables.md). [How to](../../how-to/data.md).",
    Kind.TRANSFORM: "Table `[data.augmentation]`.",
    Kind.METRIC: "Tables `[metrics.<label>]`. [Figures and protocol](../metrics.md).",
    Kind.CALLBACK: "Tables `[callbacks.<label>]`.",
}
HEAD = """# Components

What comes with Frame. `frame list` shows these beside those of other distributions that are installed, and
`frame show KIND NAME` the options of any. A component is used by its name, with or without options: see
[config](../config.md).
"""


def pages() -> dict[Kind, Callable[[], str]]:
    """A page for each kind."""
    return {kind: partial(page, kind) for kind in Kind}


def builtins(kind: Kind) -> Iterator[Entry]:
    """What comes with Frame."""
    return (entry for entry in catalog().entries(kind) if entry.plugin.source.is_builtin)


def index() -> str:
    """All kinds with their components, in Markdown."""
    parts = [HEAD.strip()]
    for kind in Kind:
        rows = [
            f"| [`{each.name}`]({kind.plural}.md#{each.name}) | {each.component.summary} |" for each in builtins(kind)
        ]
        parts += [f"## [{_singular(kind)}]({kind.plural}.md)", "\n".join(["| name | what |", "| --- | --- |", *rows])]
    return "\n\n".join([*parts, NOTE]) + "\n"


def page(kind: Kind) -> str:
    """The components of one kind, in Markdown."""
    contract = f"What one has to offer: [the hook](../hooks.md#{kind.hook})."
    parts = [f"# {_singular(kind)} options", f"{WHERE[kind]} {contract}"]
    for entry in builtins(kind):
        parts += [f"## `{entry.name}`", _about(entry)]
        if model := entry.load_options():
            parts.append(option_list(model))
    return "\n\n".join([*parts, NOTE]) + "\n"


def _singular(kind: Kind) -> str:
    return "Data set" if kind is Kind.DATASET else kind.value.capitalize()


def _about(entry: Entry) -> str:
    serves = entry.component.serves
    only = "" if set(serves) == set(TASKS) else f" Serves {' and '.join(serves)} work only."
    end = "" if entry.component.summary.endswith((".", "!", "?")) else "."
    none = "" if entry.component.options else " No options."
    return f"{entry.component.summary}{end}{only}{none} In full `{entry.qualified_name}`."
