"""Arguments that several commands share, and plain tables."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from frame.plugin.catalog import Catalog, catalog

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence


def command_parser(name: str, description: str, *, config: bool = False) -> ArgumentParser:
    """A parser with the arguments by which plugins are chosen and, for ``config``, a config is changed."""
    parser = ArgumentParser(f"frame {name}", description=description)
    group = parser.add_argument_group("plugins")
    group.add_argument("--plugin", metavar="FILE", type=Path, action="append", default=[], help="load a file as plugin")
    group.add_argument(
        "--no-plugin", metavar="NAME", action="append", default=[], help="block a plugin or distribution"
    )
    if config:
        add_set(parser, "change one setting, such as --set train.clip=1.0; VALUE is TOML, a bare word is a string")
    return parser


def add_set(parser: ArgumentParser, about: str) -> None:
    """``--set KEY=VALUE``, as often as wanted."""
    parser.add_argument("--set", metavar="KEY=VALUE", dest="overrides", action="append", default=[], help=about)


def catalog_of(args: Namespace) -> Catalog:
    """The catalog that the plugin arguments ask for."""
    found = catalog(args.no_plugin, args.plugin)
    for plugin in found.plugins:
        if plugin.state == "broken" and plugin.source.is_file:  # it was asked for by name
            print(f"warning: {plugin} does not load: {plugin.cause}", file=sys.stderr)
    return found


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as columns of equal width, without trailing blanks."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
