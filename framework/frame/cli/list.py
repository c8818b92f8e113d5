"""``frame list``: installed components, and the plugins that failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from frame.cli.common import aligned, catalog_of, command_parser
from frame.plugin.component import Kind

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from frame.plugin.catalog import Catalog

KINDS = {word: kind for kind in Kind for word in (kind.value, kind.plural)}


def parser() -> ArgumentParser:
    arguments = command_parser("list", "List installed components: name, kind, plugin, distribution, summary, state.")
    arguments.add_argument("kind", nargs="?", choices=list(KINDS), metavar="KIND", help=f"one of {', '.join(Kind)}")
    arguments.add_argument("--json", action="store_true", help="for programs")
    return arguments


def command(args: Namespace) -> int:
    found = catalog_of(args)
    kind = KINDS.get(args.kind)
    if args.json:
        print(json.dumps({"components": _components(found, kind), "plugins": _plugins(found)}, indent=2))
        return 0
    rows = [
        (component["name"], component["kind"], component["plugin"], component["source"], component["summary"])
        for component in _components(found, kind)
    ]
    if rows:
        print(aligned([("NAME", "KIND", "PLUGIN", "DISTRIBUTION", "SUMMARY"), *rows]))
    else:
        print(f"no {kind or 'component'} is installed")
    for plugin in _plugins(found):
        if plugin["state"] != "ok":
            print(f"\n{plugin['state']}: plugin {plugin['name']!r} ({plugin['source']}): {plugin['cause']}")
    return 0


def _components(found: Catalog, kind: Kind | None) -> list[dict[str, Any]]:
    return [
        {
            "name": found.means(entry),
            "qualified_name": entry.qualified_name,
            "kind": entry.kind.value,
            "plugin": entry.plugin.name,
            "distribution": entry.plugin.source.name,
            "version": entry.plugin.source.version,
            "source": str(entry.plugin.source),
            "summary": entry.component.summary,
            "serves": list(entry.component.serves),
            "target": entry.component.target,
            "options": entry.component.options,
        }
        for entry in found.entries(kind)
    ]


def _plugins(found: Catalog) -> list[dict[str, Any]]:
    return [
        {
            "name": plugin.name,
            "distribution": plugin.source.name,
            "version": plugin.source.version,
            "source": str(plugin.source),
            "state": plugin.state,
            "cause": plugin.cause,
            "components": len(plugin.components) if plugin.state == "ok" else 0,
        }
        for plugin in found.plugins
    ]
