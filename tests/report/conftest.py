"""Real runs, small, whose pages are written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.report.document import parsed

import frame
from frame import catalog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.report.document import Element

    from frame.plugin.catalog import Catalog

    Written = Callable[..., Element]

TABLES = {
    "data": {"name": "camouflage", "size": 32, "resolution": 40, "train": 12, "validation_images": 9, "empty": 0.3},
    "backbone": "edgenext_xx_small",
    "head": {"name": "moe", "width": 8, "experts": ["texture", "edge", "contrast"], "top_k": 1},
    "losses": {"mask": "mask", "balance": {"name": "balance", "weight": 0.1}},
    "metrics": {"iou": "iou", "mae": "mae", "experts": "experts"},
    "callbacks": {"history": {"name": "history", "every": 1}, "pictures": "pictures", "experts": "experts"},
    "train": {"stages": ["rest", "tune"], "ema": 0.9},
    "stages": {
        "rest": {"epochs": 1, "batch_size": 6, "lr": 1e-2, "frozen": ["backbone"]},
        "tune": {"epochs": 2, "batch_size": 6, "lr": 1e-3, "unfreeze": "progressive", "backbone_lr_scale": 0.01},
    },
}

CLASSES = '''
    """Squares of two colours: many classes."""
    import numpy as np
    from frame import Component, Options, Sample, hookimpl

    class SquaresOptions(Options):
        classes: tuple[str, ...] = ("ground", "red <one>", "blue")

    class Squares:
        def __init__(self, *, split, classes):
            self.classes = classes

        def __len__(self):
            return 12

        def __getitem__(self, index):
            rng = np.random.default_rng([3, index])
            image = rng.integers(0, 90, (40, 50, 3), dtype=np.uint8)
            mask = np.zeros((40, 50), np.uint8)
            for label, left in ((1, 4), (2, 28)):
                top = rng.integers(4, 20)
                mask[top : top + 14, left : left + 14] = label
                image[top : top + 14, left : left + 14, 0 if label == 1 else 2] = 230
            mask[:2] = 255
            return Sample(image, mask, f"squares/{index}")

    @hookimpl
    def frame_datasets():
        yield Component(name="squares", target="my_squares:Squares", options="my_squares:SquaresOptions")
'''


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run with two stages and three experts. Not to be changed: see ``folder``."""
    runs = tmp_path_factory.mktemp("runs")
    result = frame.run(TABLES | {"run": {"name": "small", "folder": str(runs)}}, {"data.workers": 0})
    assert result is not None
    return result.folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run's folder."""
    return shutil.copytree(finished, tmp_path / "small")


@pytest.fixture(scope="session")
def several(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Catalog]:
    """A finished run of three classes, and the catalog that knows its data."""
    runs = tmp_path_factory.mktemp("classes")
    (file := runs / "my_squares.py").write_text("\n".join(line[4:] for line in CLASSES.splitlines()))
    plugins = catalog((), [file])
    tables = TABLES | {"data": {"name": "squares", "size": 32, "workers": 0, "validation": 0.4}, "head": "fpn"}
    tables |= {
        "losses": {"mask": "mask"},
        "metrics": {"iou": "iou", "dice": "dice"},
        "callbacks": {"history": "history"},
    }
    tables |= {"stages": {"main": {"epochs": 1, "batch_size": 4, "lr": 1e-3}}, "train": {}}
    result = frame.run(tables | {"run": {"name": "classes", "folder": str(runs)}}, (), plugins)
    assert result is not None
    return result.folder, plugins


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write a run's page and read it: ``written(folder)``."""
    from frame.report.page.write import write_report

    def write(folder: Path, plugins: Catalog | None = None, **settings: object) -> Element:
        path = write_report(folder, plugins or catalog(), tmp_path / "page.html", **settings)  # type: ignore[arg-type]
        return parsed(path.read_text(encoding="utf-8"))

    return write
