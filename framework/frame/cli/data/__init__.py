"""``frame data``: makes data sets, and looks at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame.cli.common import command_parser
from frame.cli.data import audit, make

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def parser() -> ArgumentParser:
    arguments = command_parser("data", "Make a data set on disk, or look for what is wrong with one.")
    actions = arguments.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action in (audit, make):
        action.add_to(actions)
    return arguments


def command(args: Namespace) -> int:
    return audit.command(args) if args.action == "audit" else make.command(args)
