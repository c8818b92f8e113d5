"""``frame predict``: masks, probabilities and overlays of images, folders and patterns."""

from __future__ import annotations

import gc
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from frame.cli.common import catalog_of, command_parser
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

KINDS = ("mask", "probability", "overlay")


def parser() -> ArgumentParser:
    arguments = command_parser("predict", "Predict images with a trained model. What is done already is kept.")
    add = arguments.add_argument
    add(
        "checkpoint", metavar="CHECKPOINT", type=Path, help="a run's folder, a checkpoint or exported .safetensors file"
    )
    add("inputs", metavar="INPUT", nargs="+", help="images, folders of images, patterns such as 'photos/**/*.jpg'")
    add("-o", "--output", metavar="DIR", type=Path, required=True, help="where DIR/mask/... and so on are written")
    add("--save", nargs="+", choices=KINDS, default=["mask"], help="what is written for each image (mask)")
    add("--threshold", metavar="T", type=float, help="object is what is more probable than this (0.5)")
    add("--weights", choices=("measured", "ema", "raw"), default="measured", help="which of a checkpoint's weights")
    add("--flips", action="store_true", help="average over mirrored images")
    add("--scales", metavar="S", type=float, nargs="+", default=[1.0], help="average over multiples of the size")
    add("--batch-size", metavar="N", type=int, default=8)
    add("--workers", metavar="N", type=int, default=2, help="threads that read, and as many that write (2)")
    add("--device", default="auto", help="such as cpu or cuda:1")
    add("--overwrite", action="store_true", help="predict anew what is there already")
    return arguments


def command(args: Namespace) -> int:
    if not all(0 < scale < math.inf for scale in args.scales) or min(args.batch_size, args.workers) < 1:
        raise UserError("--scales takes numbers above 0, --batch-size and --workers from 1 on")
    if args.threshold is not None and not 0 <= args.threshold < 1:
        raise UserError("--threshold takes a probability, from 0 to below 1")
    from tqdm.auto import tqdm

    from frame.engine.inference.inputs import find_inputs
    from frame.engine.inference.predict_files import predict_files
    from frame.engine.inference.predictor import load
    from frame.engine.stopping import EXIT_CODES

    images = find_inputs(args.inputs, args.output)
    predictor = load(
        args.checkpoint,
        weights=args.weights,
        device=args.device,
        flips=args.flips,
        scales=args.scales,
        plugins=catalog_of(args),
    )
    gc.enable()
    done = predict_files(
        predictor,
        images,
        args.output,
        save=tuple(dict.fromkeys(args.save)),
        threshold=args.threshold,
        batch_size=args.batch_size,
        workers=args.workers,
        overwrite=args.overwrite,
        say=lambda text: tqdm.write(f"skipped: {text}", file=sys.stderr),
    )
    told = [f"{done.written} predicted with the {predictor.saved.which} weights of {predictor.saved.path}"]
    told += [f"{done.skipped} were there already"] if done.skipped else []
    told += [f"{len(done.unreadable)} could not be read"] if done.unreadable else []
    told += [f"{done.left} left"] if done.left else []
    print(f"{', '.join(told)}: {args.output}")
    if done.stopped:
        print(f"stopped by {done.stopped}; the same command goes on", file=sys.stderr)
        return EXIT_CODES[done.stopped]
    return 1 if done.unreadable else 0
