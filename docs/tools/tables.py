"""The tables of a config that are Frame's own."""

from __future__ import annotations

from frame.config.tables import DataTable, LossTable, PluginsTable, RunTable, StageTable, TrainTable
from options import NOTE, option_list

TABLES = {
    "[run]": (RunTable, ""),
    "[data]": (DataTable, "Beside the data set's `name` and its [options](components/datasets.md):"),
    "[losses.<label>]": (LossTable, "Beside the loss's `name` and its [options](components/losses.md):"),
    "[train]": (TrainTable, ""),
    "[stages.<name>]": (StageTable, ""),
    "[plugins]": (PluginsTable, ""),
}
HEAD = """# Tables of a config

The settings that are Frame's own, whatever components a config names. [Config](config.md) tells how they work together;
the other tables, `[backbone]`, `[head]`, `[strategy]`, `[metrics.<label>]` and `[callbacks.<label>]`, hold a
[component](components/index.md) each.
"""


def page() -> str:
    """The page, in Markdown."""
    parts = [HEAD.strip()]
    for name, (model, text) in TABLES.items():
        parts += [f"## `{name}`", *([text] if text else []), option_list(model)]
    return "\n\n".join([*parts, NOTE]) + "\n"
