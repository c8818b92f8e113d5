"""``frame check``: validates a config without torch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from frame.cli.common import catalog_of, command_parser

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def parser() -> ArgumentParser:
    arguments = command_parser(
        "check", "Validate a config: keys, types, components, files. Trains nothing.", config=True
    )
    arguments.add_argument("config", metavar="CONFIG")
    return arguments


def command(args: Namespace) -> int:
    from frame.config.bind import load_run
    from frame.config.verify import verify

    run = load_run(args.config, catalog_of(args), args.overrides)
    verify(run)
    for warning in run.warnings:
        print(f"{args.config}: warning: {warning}", file=sys.stderr)
    sources = sorted({str(part.entry.plugin.source) for part in run.parts() if part.entry})
    print(f"{args.config}: ok; {sum(1 for _ in run.parts())} components from {', '.join(sources)}")
    return 0
