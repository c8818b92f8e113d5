"""``frame eval``: the field's figures of a trained model, or of saved maps, on data sets."""

from __future__ import annotations

import gc
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from frame.cli.common import aligned, catalog_of, command_parser
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def parser() -> ArgumentParser:
    arguments = command_parser("eval", "Measure a trained model, or maps that any model has saved, on data sets.")
    add = arguments.add_argument
    add("checkpoint", metavar="CHECKPOINT", nargs="?", type=Path, help="a run's folder, a checkpoint or exported file")
    add(
        "--data",
        metavar="NAME=DIR",
        action="append",
        default=[],
        help="a data set's folder, with the name of its row; without any, the data set that the model was trained on",
    )
    add("--split", choices=("test", "validation", "train"), default="test", help="of each data set (test)")
    add("--predictions", metavar="DIR", type=Path, help="score the maps in a folder instead of a model")
    add("--weights", choices=("measured", "ema", "raw"), default="measured", help="which of a checkpoint's weights")
    add("--flips", action="store_true", help="average over mirrored images")
    add("--scales", metavar="S", type=float, nargs="+", default=[1.0], help="average over multiples of the size")
    add(
        "--without-expert",
        metavar="NAME",
        action="append",
        default=[],
        help="a row with this expert switched off; 'each' for one each",
    )
    add("--batch-size", metavar="N", type=int, default=8)
    add("--workers", metavar="N", type=int, help="processes that load images or score maps")
    add("--device", default="auto", help="such as cpu or cuda:1")
    add("-o", "--output", metavar="DIR", type=Path, help="write eval.json, eval.csv, eval.tex and images.csv")
    add("--json", action="store_true", help="for programs")
    return arguments


def command(args: Namespace) -> int:
    data = dict(_named(text) for text in args.data)
    if len(data) < len(args.data):
        raise UserError("--data: two rows have the same name; write --data NAME=DIR with a name each")
    if not all(0 < scale < math.inf for scale in args.scales) or args.batch_size < 1 or (args.workers or 0) < 0:
        raise UserError("--scales takes numbers above 0, --batch-size from 1 on, --workers from 0 on")
    from frame.engine.inference.evaluate import evaluate
    from frame.report.figures import as_json, as_lines, write

    gc.enable()
    found = evaluate(
        args.checkpoint,
        data,
        split=args.split,
        predictions=args.predictions,
        weights=args.weights,
        flips=args.flips,
        scales=args.scales,
        without_experts=args.without_expert,
        batch_size=args.batch_size,
        workers=args.workers,
        device=args.device,
        plugins=catalog_of(args),
    )
    if args.json:
        print(as_json(found))
    else:
        about = {key: value for key, value in found.about.items() if value not in (False, [1.0])}
        print("  ".join(f"{key} {value}" for key, value in about.items()))
        print(aligned(as_lines(found)))
    if args.output:
        for path in write(found, args.output).values():
            print(path, file=sys.stderr)
    unreadable = [f"{name}: {text}" for name, scores in found.rows.items() for text in scores.unreadable]
    for text in unreadable:
        print(f"left out: {text}", file=sys.stderr)
    return 1 if unreadable else 0


def _named(text: str) -> tuple[str, str]:
    name, equals, folder = text.partition("=")
    # Absolute, for "." and ".." have no name of their own; not resolved, for a link has one.
    return (name, folder) if equals else (Path(os.path.abspath(text)).name, text)  # noqa: PTH100
