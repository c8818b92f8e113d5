"""``frame export``: a trained model as one file, compared with the model before it is called done."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from frame.cli.common import catalog_of, command_parser

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def parser() -> ArgumentParser:
    arguments = command_parser("export", "Write a trained model as one file, and compare it with the model.")
    add = arguments.add_argument
    add(
        "checkpoint", metavar="CHECKPOINT", type=Path, help="a run's folder, a checkpoint or exported .safetensors file"
    )
    add("-o", "--output", metavar="FILE", type=Path, required=True, help="FILE.onnx or FILE.safetensors")
    add("--format", choices=("onnx", "safetensors"), help="where the file's name does not say it")
    add("--weights", choices=("measured", "ema", "raw"), default="measured", help="which of a checkpoint's weights")
    return arguments


def command(args: Namespace) -> int:
    from frame.engine.inference.as_onnx import DifferentError
    from frame.engine.inference.export import export

    gc.enable()
    try:
        done = export(args.checkpoint, args.output, form=args.format, weights=args.weights, plugins=catalog_of(args))
    except DifferentError as error:
        print(f"{args.checkpoint}: {error}", file=sys.stderr)
        return 1
    print(f"{done.path}: {done.format}, {done.which} weights, {done.path.stat().st_size / 2**20:.1f} MiB")
    for line in done.lines:
        print(f"  {line}")
    return 0
