"""``frame report``: a run as one HTML page that needs nothing else."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

from frame.cli.common import catalog_of, command_parser
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

MOST_IMAGES = 32


def parser() -> ArgumentParser:
    arguments = command_parser("report", "Write a run's page: figures, curves, images, experts, config; one HTML file.")
    arguments.add_argument("run", metavar="RUN", type=Path, help="the run's folder, finished or not")
    arguments.add_argument("-o", metavar="FILE.html", dest="file", type=Path, help="where to write (RUN/report.html)")
    arguments.add_argument(
        "--data", metavar="DIR", type=Path, help="where the data set is, if not where the config says"
    )
    arguments.add_argument(
        "--images", metavar="N", type=int, default=4, help="how many of the best, median and worst images (4)"
    )
    return arguments


def command(args: Namespace) -> int:
    if not 1 <= args.images <= MOST_IMAGES:
        raise UserError(f"frame report: --images takes a number from 1 to {MOST_IMAGES}")
    catalog = catalog_of(args)
    gc.enable()
    from frame.report.page.write import write_report

    print(write_report(args.run, catalog, args.file, args.data, args.images))
    return 0
