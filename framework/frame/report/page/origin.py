"""Where it comes from: how to run it again, the versions of all parts, the whole config."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from frame.config.run import DEFAULT
from frame.engine.folder import CONFIG
from frame.plugin.provenance import OWN_DISTRIBUTION, file_in
from frame.report.page.markup import Html, Section, section, table, tag

if TYPE_CHECKING:
    from frame.report.page.record import RunRecord


def origin(record: RunRecord) -> Section:
    """Command, versions and components, and each setting with who set it."""
    parts: list[dict[str, Any]] = list(record.components.get("components", ()))
    versions = [(key, str(value)) for key, value in record.components.items() if isinstance(value, str)]
    return section(
        "origin",
        "Config and versions",
        tag("h3", "Run it again"),
        tag("pre", tag("code", command(record, parts)), tabindex="0"),
        tag("h3", "Versions"),
        tag("dl", [tag("div", tag("dt", key), tag("dd", value)) for key, value in versions], class_="facts"),
        _components(parts) if parts else None,
        tag("h3", "Config"),
        tag("p", "Every setting, defaults too, and who set it.", class_="lead"),
        _config(record),
    )


def _components(parts: list[dict[str, Any]]) -> Html:
    rows = [[str(part.get(key, "?")) for key in ("name", "kind", "distribution", "version")] for part in parts]
    sources = ", ".join(dict.fromkeys(f"{source} {version}" for *_, source, version in rows))
    head = ["component", "kind", "distribution", "version"]
    whole = table("Components, and where they come from", head, rows, words=True)
    return tag("details", tag("summary", f"{len(rows)} components from {sources}"), whole)


def command(record: RunRecord, parts: list[dict[str, Any]]) -> str:
    """What to type: the distributions' versions, and the run from its own config."""
    own = record.components.get(OWN_DISTRIBUTION)
    wanted = {OWN_DISTRIBUTION: own} if own else {}
    sources = {str(part["distribution"]): part["version"] for part in parts}
    wanted |= {source: version for source, version in sources.items() if not file_in(source)}
    wanted |= {"torch": str(record.components["torch"]).partition("+")[0]} if "torch" in record.components else {}
    install = " ".join(f"{name}=={version}" for name, version in wanted.items())
    files = [file for source in sources if (file := file_in(source))]
    run = ["frame", "run", str(record.folder / CONFIG), *(word for file in files for word in ("--plugin", file))]
    return f"# with {install}\n{shlex.join(run)}"


def _config(record: RunRecord) -> Html:
    """As TOML, a table with its heading at a time; what was set is stronger than what is a default."""
    lines: list[Html] = []
    for key, value, who in record.settings:
        kind = "default" if who == DEFAULT else "set"
        text = tag("span", tag("span", key, class_="k"), f" = {value}", class_="t")
        lines.append(
            tag("span", text, tag("span", f"# {who}", class_="c") if who else None, "\n", class_=f"line {kind}")
        )
    return tag(
        "pre", tag("code", lines), class_="config", tabindex="0", role="region", aria_label="The whole config as TOML"
    )
