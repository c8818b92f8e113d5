"""``frame show``: one component's options and documentation, or a config: each value's origin, schedule, samples."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frame.cli.common import catalog_of, command_parser
from frame.cli.list import KINDS
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from frame.config.run import Run
    from frame.plugin.catalog import Entry

SAMPLES, MOST_SAMPLES = 6, 64


def parser() -> ArgumentParser:
    arguments = command_parser(
        "show",
        "Show a component (KIND NAME), a whole config (CONFIG), its schedule or its augmented training samples.",
        config=True,
    )
    arguments.add_argument("what", nargs="*", metavar="KIND NAME | CONFIG")
    arguments.add_argument("--json", action="store_true", help="for programs")
    arguments.add_argument(
        "--schedule",
        nargs="?",
        const="",
        metavar="FILE.png",
        help="of a config: learning rates and what is frozen over the whole run; with a file, drawn to it too",
    )
    arguments.add_argument(
        "--samples",
        nargs="?",
        const="",
        metavar="FILE.png",
        help="of a config: a picture of training samples as training sees them, epoch after epoch",
    )
    arguments.add_argument("--count", type=int, metavar="N", help="with --samples: how many images, 6 unless given")
    return arguments


def command(args: Namespace) -> int:
    if args.schedule is not None and args.samples is not None:
        raise UserError("frame show: --schedule or --samples, one at a time")
    if args.count is not None and (args.samples is None or not 1 <= args.count <= MOST_SAMPLES):
        raise UserError(f"frame show --count N goes with --samples, and N is from 1 to {MOST_SAMPLES}")
    if args.schedule is not None:
        _show_schedule(args)
        return 0
    if args.samples is not None:
        run, picture = _run_and_picture(args, "samples")
        from frame.cli.show_samples import show_samples

        show_samples(run, picture, args.count or SAMPLES, as_json=args.json)
        return 0
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


def _run_and_picture(args: Namespace, flag: str) -> tuple[Run, str | None]:
    """The bound config, whose warnings are told, and the picture's file if there is to be one."""
    words = [word for word in (*args.what, getattr(args, flag)) if word]
    pictures = [word for word in words if Path(word).suffix.lower() == ".png"]
    configs = [word for word in words if word not in pictures]  # "--schedule CONFIG" reads CONFIG as the file
    if len(configs) != 1 or len(pictures) > 1:
        raise UserError(f"frame show --{flag} takes one config, and the .png file to draw to if there is to be one")
    from frame.config.bind import load_run
    from frame.config.verify import verify

    run = load_run(configs[0], catalog_of(args), args.overrides)
    verify(run)
    for warning in run.warnings:
        print(f"{configs[0]}: warning: {warning}", file=sys.stderr)
    return run, next(iter(pictures), None)


def _show_schedule(args: Namespace) -> None:
    run, picture = _run_and_picture(args, "schedule")
    from frame.engine.outlook import outlook
    from frame.report.schedule_table import record, table

    found = outlook(run)
    if picture:
        from frame.report.schedule_picture import draw

        draw(found, Path(picture))
    print(json.dumps(record(found)) if args.json else table(found))


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
