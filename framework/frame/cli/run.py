"""``frame run``: trains, validates and reports."""

from __future__ import annotations

import gc
import shlex
import sys
from typing import TYPE_CHECKING

from frame.cli.common import catalog_of, command_parser

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def parser() -> ArgumentParser:
    arguments = command_parser("run", "Train, validate and report what a config says.", config=True)
    arguments.add_argument("config", metavar="CONFIG")
    arguments.add_argument("--resume", action="store_true", help="go on from the run's newest whole checkpoint")
    arguments.add_argument(
        "--dry-run", action="store_true", help="build, take a few steps, tell memory and time; write nothing"
    )
    return arguments


def _again(args: Namespace) -> str:
    """What to type to resume: with the overrides and plugins, which choose the run's name and its parts."""
    words = ["frame", "run", args.config]
    for option, values in (("--set", args.overrides), ("--plugin", args.plugin), ("--no-plugin", args.no_plugin)):
        words += [word for value in values for word in (option, str(value))]
    return shlex.join([*words, "--resume"])


def command(args: Namespace) -> int:
    from frame.config.bind import load_run
    from frame.config.verify import verify

    run = load_run(args.config, catalog_of(args), args.overrides)
    verify(run)  # before torch is imported: what is wrong is said at once
    gc.enable()
    if args.dry_run:
        from frame.engine.dry_run import estimate
        from frame.engine.processes.ranks import rank

        estimated = estimate(run)
        if rank() == 0:
            print(estimated)
        return 0
    from frame.engine.processes.ranks import agent
    from frame.engine.run import execute
    from frame.engine.stopping import EXIT_CODES

    result = execute(run, resume=args.resume)
    if result is None:  # another process speaks for the run
        return 0
    left = {"run folder": result.folder, "best checkpoint": result.checkpoint, **result.artifacts}
    for what, path in left.items():
        if path is not None:
            print(f"{what:<{max(map(len, left))}}  {path}")
    if result.stopped is not None:
        print(f"stopped by {result.stopped} and saved; to go on: {_again(args)}", file=sys.stderr)
        return 0 if agent() else EXIT_CODES[result.stopped]  # or the agent would start the run again
    return 0
