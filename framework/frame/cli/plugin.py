"""``frame plugin``: what those who write plugins need."""

from __future__ import annotations

import gc
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from frame.cli import plugin_new
from frame.cli.common import add_set, catalog_of, command_parser
from frame.cli.list import KINDS
from frame.plugin.errors import UserError
from frame.plugin.provenance import normalize

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from frame.plugin.catalog import Catalog, Entry
    from frame.testing.outcome import Outcome

MARKS = {"passed": "ok", "failed": "FAILED", "skipped": "skipped", "expected": "expected"}


def parser() -> ArgumentParser:
    arguments = command_parser("plugin", "For those who write plugins.")
    actions = arguments.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="make the conformance checks of a component, a plugin or a distribution")
    check.add_argument("name", nargs="?", metavar="NAME", help="of a component, a plugin or a distribution")
    check.add_argument("--plugin", metavar="FILE", action="append", dest="own", default=[], help="check a file")
    check.add_argument("--kind", choices=list(KINDS), metavar="KIND", help="where several kinds have the name")
    add_set(check, "an option")
    check.add_argument("--size", type=int, default=64, metavar="PIXELS", help="side of the images for a model (64)")
    check.add_argument(
        "--without", metavar="CAPABILITY", action="append", default=[], help="what it can't do, such as odd_sizes"
    )
    check.add_argument("--json", action="store_true", help="for programs")
    plugin_new.add_to(actions)
    return arguments


def command(args: Namespace) -> int:
    actions = {"check": _check, "new": plugin_new.command}
    return actions[args.action](args)


def _check(args: Namespace) -> int:
    from pathlib import Path

    args.plugin = [*args.plugin, *map(Path, args.own)]
    found = catalog_of(args)
    failures = _broken(args, found)
    entries = [] if failures else _asked_for(args, found)
    gc.enable()
    from frame.config.document import read
    from frame.testing.case import CAPABILITIES, Case
    from frame.testing.runner import run_checks

    if unknown := sorted(set(args.without) - CAPABILITIES.keys()):
        raise UserError(f"--without {unknown[0]}: there are: {', '.join(CAPABILITIES)}")
    if args.overrides and len(entries) > 1:
        names = ", ".join(f"{entry.kind} {entry.qualified_name}" for entry in entries)
        raise UserError(f"--set is for one component, and there are {names}; name one, in full, or give --kind")
    options = read({}, args.overrides).tables()
    capabilities = frozenset(CAPABILITIES) - set(args.without)
    outcomes: list[Outcome] = []
    for entry in entries:
        case = Case(entry.kind, entry.qualified_name, options, args.size, capabilities, files=tuple(args.plugin))
        if not args.json:
            print(f"{entry.kind} {entry.qualified_name} ({entry.plugin.source})")
        for outcome in run_checks(case, found):
            outcomes.append(outcome)
            if not args.json:
                print(f"  {MARKS[outcome.verdict]:<8} {outcome.check}{outcome.reason and ': '}{outcome.reason}")
                sys.stdout.flush()
    _tell(args, failures, outcomes)
    return 1 if failures or any(outcome.verdict == "failed" for outcome in outcomes) else 0


def _tell(args: Namespace, failures: list[str], outcomes: list[Outcome]) -> None:
    if args.json:
        print(json.dumps({"broken": failures, "checks": [asdict(outcome) for outcome in outcomes]}, indent=2))
        return
    for failure in failures:
        print(f"  FAILED   {failure}")
    counts = {verdict: sum(outcome.verdict == verdict for outcome in outcomes) for verdict in MARKS}
    seconds = sum(outcome.seconds for outcome in outcomes)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    print(f"{told or 'nothing was checked'}, in {seconds:.0f} s")


def _broken(args: Namespace, found: Catalog) -> list[str]:
    """What is asked for and did not load, with its cause: hooks that there are not, an import that fails."""
    own = {path.stem for path in args.plugin}
    return [
        f"{plugin} does not load: {plugin.cause}; mend that, nothing in it can be used before"
        for plugin in found.plugins
        if plugin.state == "broken"
        and (plugin.name in own or (args.name and args.name in (plugin.name, plugin.source.name)))
    ]


def _asked_for(args: Namespace, found: Catalog) -> list[Entry]:
    """The components that are meant, by their own names, their plugin's, their distribution's, or their file's."""
    kind = KINDS.get(args.kind) if args.kind else None
    entries = list(found.entries(kind))
    if args.name is None:
        own = {path.stem for path in args.plugin}
        if not own:
            raise UserError("frame plugin check: name a component, a plugin or a distribution, or give --plugin FILE")
        chosen = [entry for entry in entries if entry.plugin.name in own]
        if not chosen:
            files = ", ".join(map(str, args.plugin))
            raise UserError(f"frame plugin check: {files}: no component; mark a hook, frame_losses say, with @hookimpl")
    else:
        name = args.name
        meanings = (
            [entry for entry in entries if name in (found.means(entry), entry.qualified_name)],
            [entry for entry in entries if entry.plugin.name == name],
            [entry for entry in entries if entry.plugin.source.name == normalize(name)],
            [entry for entry in entries if entry.name == name],
        )
        chosen = next(filter(None, meanings), [])
    if not chosen:
        from difflib import get_close_matches

        pool = {entry.name for entry in entries} | {entry.plugin.name for entry in entries}
        close = get_close_matches(str(args.name), pool, 3)
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "'frame list' names what there is"
        of = f" of kind {kind}" if kind else ""
        raise UserError(f"frame plugin check: no component, plugin or distribution{of} is called {args.name!r}; {hint}")
    return chosen
