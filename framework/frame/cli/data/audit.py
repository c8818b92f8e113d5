"""``frame data audit``: what is wrong with the files of data sets, told to a person or a script."""

from __future__ import annotations

import json
import os
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frame.cli.common import add_set, catalog_of

if TYPE_CHECKING:
    from argparse import Namespace

    from frame.data.audit.report import Audit, Finding

FOUND = 1
_SHOWN = 10  # findings of a kind


def add_to(actions: Any) -> None:
    audit = actions.add_parser(
        "audit",
        help="look for what is wrong with data sets: pairs, sizes, masks, and images that are there twice",
        epilog="Exit code: 0 if nothing was found, 1 if something was, 2 if the audit could not be made.",
    )
    audit.add_argument("folders", metavar="DIR", type=Path, nargs="+", help="one set, or several to compare")
    audit.add_argument(
        "--data",
        metavar="NAME",
        action="append",
        default=[],
        help="read each DIR as this data set, instead of as the one that knows it; may be given several times",
    )
    add_set(audit, "with --data, an option of the data set, such as --set images=photos")
    audit.add_argument("--json", action="store_true", help="for programs")


def command(args: Namespace) -> int:
    from frame.data.audit.parts import audited_splits
    from frame.data.audit.report import audit
    from frame.plugin.errors import UserError

    if args.overrides and not args.data:
        raise UserError("frame data audit: --set gives options to a data set, so name one with --data")
    done = audit(audited_splits(catalog_of(args), args.folders, args.data, args.overrides))
    print(json.dumps(done.as_json(), indent=2) if args.json else _told(done))
    return FOUND if done.findings else 0


def _told(done: Audit) -> str:
    from frame.data.audit.report import KINDS

    lines = []
    for split in done.splits:
        lines.append(f"{split.name}: {split.about}")
        for (name, reason), blank in done.blank_left_out.items():
            if name == split.name:
                lines.append(f"  {reason}: {blank} of {len(split.left_out[reason])} masks are blank, and not used")
    for kind, group in groupby(done.findings, key=lambda finding: finding.kind):
        findings = list(group)
        lines += ["", f"{KINDS[kind]}: {len(findings)}"]
        lines += [f"  {_line(finding)}" for finding in findings[:_SHOWN]]
        if len(findings) > _SHOWN:
            lines.append(f"  and {len(findings) - _SHOWN} more, which --json lists")
    return "\n".join([*lines, "", f"found: {len(done.findings)}" if done.findings else "nothing found"])


def _line(finding: Finding) -> str:
    if finding.kind == "unreadable":
        return finding.detail
    if finding.kind.startswith(("same", "near")):
        more = len(finding.files) - _SHOWN
        shown = [f"{_short(path)} ({split})" for split, path in finding.files[:_SHOWN]]
        return " = ".join([*shown, *([f"{more} more"] if more > 0 else [])])
    where = ", ".join(_short(path) for _, path in finding.files[-1:])
    return f"{where}: {finding.detail}" if where and finding.detail else where or finding.detail


def _short(path: str) -> str:
    """The path from here, unless it is longer."""
    return min(path, os.path.relpath(path), key=len)
