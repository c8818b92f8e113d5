"""The checks of ``frame plugin check``, made of one model of each of timm's families through the ``timm`` backbone.

    python benchmarks/families.py [FAMILY ...] [--count N]

A family is a module of timm that has models with feature maps; it is stood for by its smallest such model, by
parameters. A model that timm marks as made for one size is tried at that size alone. The table says how many checks
passed, were skipped and failed, and how long they took; below it are the failures with their messages.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import NamedTuple

import timm
import torch
from timm.models import list_modules
from tqdm import tqdm

from frame.testing import CAPABILITIES, Case, Outcome, run_checks

SIZE = 64


class Model(NamedTuple):
    name: str
    parameters: int
    fixed: int | None
    """The only side it works at, if it is made for one."""

    @property
    def case(self) -> Case:
        options = {"model": self.name, "pretrained": False}
        capabilities = frozenset(CAPABILITIES) - ({"sizes"} if self.fixed else set())
        return Case("backbone", "timm", options, self.fixed or SIZE, capabilities)


def smallest(family: str) -> Model | None:
    """The model with feature maps that has the fewest parameters; none is drawn for counting them."""
    found = filter(None, map(measured, timm.list_models(module=family)))
    return min(found, key=lambda model: model.parameters, default=None)


def measured(name: str) -> Model | None:
    try:
        with torch.device("meta"):
            net = timm.create_model(name, features_only=True)
    except Exception:  # noqa: BLE001  (whatever timm raises where a model has no feature maps)
        return None
    config = timm.get_pretrained_cfg(name)
    fixed = config.input_size[-1] if config is not None and config.fixed_input_size else None
    return Model(name, sum(parameter.numel() for parameter in net.parameters()), fixed)


def main(args: argparse.Namespace) -> None:
    failures: list[str] = []
    passed = tried = 0
    print("| family | model | parameters, M | side | passed | skipped | failed | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for family in tqdm(args.families or list_modules(), disable=None, unit="family"):
        if tried == args.count:
            break
        model = smallest(family)
        if model is None:
            continue
        outcomes: list[Outcome] = list(run_checks(model.case))
        count = Counter(outcome.verdict for outcome in outcomes)
        tried, passed = tried + 1, passed + (not count["failed"])
        failures += [f"{model.name}: {each.check}: {each.reason}" for each in outcomes if each.verdict == "failed"]
        cells = (family, f"`{model.name}`", f"{model.parameters / 1e6:.1f}", model.fixed or "any")
        counts = (count["passed"], count["skipped"], count["failed"])
        tqdm.write(row(*cells, *counts, f"{sum(each.seconds for each in outcomes):.0f}"), sys.stdout)
        sys.stdout.flush()
    print(f"\n{passed} of {tried} families pass (timm {timm.__version__}, torch {torch.__version__})")
    for failure in failures:
        print(f"- {failure}")


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="modules of timm; all of them by default")
    parser.add_argument("--count", type=int, help="end after so many families")
    main(parser.parse_args())
