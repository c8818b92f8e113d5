"""``frame show``: one component's options and their documentation, or a config with the origin of each value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from frame.cli.common import catalog_of, command_parser
from frame.cli.list import KINDS
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from frame.plugin.catalog import Entry


def parser() -> ArgumentParser:
    arguments = command_parser(
        "show", "Show a component (frame show KIND NAME) or a whole config (frame show CONFIG).", config=True
    )
    arguments.add_argument("what", nargs="+", metavar="KIND NAME | CONFIG")
    arguments.add_argument("--json", action="store_true", help="for programs")
    return arguments


def command(args: Namespace) -> int:
    match args.what:
        case [kind, name] if kind in KINDS:
            _show_component(catalog_of(args).find(KINDS[kind], name), as_json=args.json)
        case [kind] if kind in KINDS:
            raise UserError(f"frame show {kind}: which one? 'frame list {kind}' names them")
        case [config]:
            _show_config(config, args)
        case _:
            kinds = ", ".join(dict.fromkeys(KINDS.values()))
            raise UserError(f"frame show takes a kind and a name, or one config; the kinds are {kinds}")
    return 0


def _show_config(config: str, args: Namespace) -> None:
    from frame.config.bind import load_run

    run = load_run(config, catalog_of(args), args.overrides)
    if args.json:
        print(json.dumps({".".join(path): {"value": value, "origin": origin} for path, value, origin in run.values()}))
    else:
        print(run.to_toml(), end="")


def _show_component(entry: Entry, *, as_json: bool) -> None:
    options = _options(entry)
    if as_json:
        record = {"name": entry.name, "qualified_name": entry.qualified_name, "kind": entry.kind.value}
        print(json.dumps(record | {"source": str(entry.plugin.source), "options": options}, indent=2, default=str))
        return
    print(f"{entry.kind} {entry.name}: {entry.component.summary}".rstrip(": "))
    print(f"  from {entry.plugin}, in full {entry.qualified_name!r}, built by {entry.component.target}")
    print(f"  serves {' and '.join(entry.component.serves)} work\n")
    for option in options:
        print(f"{option['name']}: {option['type']} = {option['default']}")
        for line in (option["doc"] or "").splitlines():
            print(f"    {line}")
    if not options:
        print("no options")


def _options(entry: Entry) -> list[dict[str, Any]]:
    from pydantic_core import PydanticUndefined

    from frame.config.messages import type_name
    from frame.config.options import plain

    model = entry.load_options()
    found = []
    docs = model.documentation() if model else {}
    for name, field in model.model_fields.items() if model else ():
        default = field.get_default(call_default_factory=True) if not field.is_required() else PydanticUndefined
        text = (
            "required" if default is PydanticUndefined else "unset" if default is None else json.dumps(plain(default))
        )
        found.append(
            {
                "name": name,
                "type": type_name(field.annotation, field.metadata),
                "default": text,
                "doc": docs.get(name),
            }
        )
    return found
