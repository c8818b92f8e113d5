"""``frame schema``: the JSON schema of a config, with the options of every installed component."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from frame.cli.common import catalog_of, command_parser
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def parser() -> ArgumentParser:
    arguments = command_parser("schema", "Print the JSON schema of a config, all installed components' options in it.")
    arguments.add_argument("-o", "--output", metavar="FILE", type=Path, help="write it to a file")
    return arguments


def command(args: Namespace) -> int:
    from frame.config.schema import config_schema

    text = json.dumps(config_schema(catalog_of(args)), indent=1, ensure_ascii=False) + "\n"
    if args.output is None:
        print(text, end="")
        return 0
    try:
        args.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {args.output}: {error.strerror or error}") from None
    print(f"{args.output}: begin a config beside it with  #:schema ./{args.output.name}")
    return 0
