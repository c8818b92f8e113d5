"""``frame data make``: writes a generated set in a real data set's layout, so that its config can be tried."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frame.cli.common import add_set, catalog_of
from frame.plugin.component import Kind
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from argparse import Namespace


def add_to(actions: Any) -> None:
    make = actions.add_parser("make", help="write generated images in a real data set's layout")
    make.add_argument("folder", metavar="DIR", type=Path)
    make.add_argument("--layout", required=True, help="the data set whose layout is written: cod10k, camo, folder ...")
    make.add_argument("--source", default="camouflage", help="the data set whose images are written (camouflage)")
    make.add_argument("--train", type=int, default=64, metavar="N", help="training images (64)")
    make.add_argument("--test", type=int, default=16, metavar="N", help="test images (16)")
    add_set(make, "an option of the source, such as --set resolution=352 --set difficulty=0.8")


def command(args: Namespace) -> int:
    from frame.config.bind import bind_component
    from frame.config.run import toml_value
    from frame.data.make import make

    if args.train < 1 or args.test < 1:
        raise UserError("frame data make: --train and --test take numbers from 1 on")
    catalog = catalog_of(args)
    source = bind_component(catalog, Kind.DATASET, args.source, args.overrides)
    layout = catalog.find(Kind.DATASET, args.layout)
    gc.enable()
    written = make(args.folder, layout, source, {"train": args.train, "test": args.test})
    for split, count in written.items():
        print(f"{split}: {count} pairs")
    print(f"written to {args.folder}, in the layout of {layout.name}")
    if classes := getattr(source.options, "classes", ()):
        print(f"to read it: [data] with classes = {toml_value(classes)}")
    return 0
