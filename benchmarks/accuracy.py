"""How well Frame's models segment, beside segmentation_models.pytorch's on the same backbone, from random weights.

    pip install -e '.[bench]'
    python benchmarks/accuracy.py [--difficulty D ...] [--camo DIR] [--seeds N] [--epochs N] [--models NAME ...]

All are trained by ``frame.run`` with the same data, augmentation, steps, optimizer and average of the weights, on the
mask loss; Frame's have deep supervision on their side outputs beside it, and the mixture its balance, for they have
what these need. The table has per-image IoU, weighted F, S and MAE of the best epoch on held-out images, the mean over
seeds and, after the sign, the largest distance from it.

On generated camouflage at each difficulty; with ``--camo``, a folder in CAMO's layout, on a held-out tenth of it too:
from random weights, and from the weights that the same model got on generated camouflage of the first difficulty.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from tqdm import tqdm

import frame
import peers
from real import EXPERTS

BACKBONE = {"name": "edgenext_xx_small", "pretrained": False}
DEEP = {"deep": {"name": "deep_supervision", "weight": 0.4}}
MODELS: dict[str, dict[str, Any]] = {
    "Frame moe": {
        "backbone": BACKBONE,
        "head": {"name": "moe", "experts": EXPERTS, "top_k": 3},
        "losses": DEEP | {"balance": {"name": "balance", "weight": 0.1}},
    },
    "Frame fpn": {"backbone": BACKBONE, "head": "fpn", "losses": DEEP},
    "smp FPN": {"backbone": "image", "head": "smp_fpn", "losses": {}},
    "smp U-Net": {"backbone": "image", "head": "smp_unet", "losses": {}},
}
FIGURES = {"IoU": "iou", "wF": "cod", "S": "cod/s", "MAE": "cod/mae"}


def config(model: dict[str, Any], data: dict[str, Any], seed: int, epochs: int, folder: str) -> dict[str, Any]:
    return {
        "run": {"name": "accuracy", "folder": folder, "seed": seed},
        "data": data | {"augmentation": {"name": "albumentations"}},
        "metrics": {"iou": "iou", "cod": {"name": "cod", "figures": ["wf", "s", "mae"]}},
        "train": {"clip": 1.0, "ema": 0.99, "monitor": "iou"},
        "stages": {"main": {"epochs": epochs, "batch_size": 16, "lr": 2e-3, "warmup": 0.5}},
        "backbone": model["backbone"],
        "head": model["head"],
        "losses": {"mask": "mask"} | model["losses"],
    }


def generated(difficulty: float) -> dict[str, Any]:
    return {"name": "camouflage", "size": 128, "difficulty": difficulty, "train": 1024, "validation_images": 256}


def camo(folder: Path) -> dict[str, Any]:
    return {"name": "camo", "root": str(folder), "size": 224, "validation": 0.1}


class Table:
    """Figures by model, of one ground."""

    def __init__(self, ground: str) -> None:
        self.ground = ground
        self.found: dict[str, list[frame.Result]] = {}
        self.seconds: dict[str, float] = {}

    def add(self, name: str, tables: dict[str, Any], init_from: Path | None = None) -> frame.Result:
        """Train a model and count it."""
        if init_from is not None:
            tables["train"]["init_from"] = str(init_from)
        started = time.perf_counter()
        result = frame.run(tables, plugins=frame.catalog(files=[Path(peers.__file__)]))
        self.found.setdefault(name, []).append(result)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
        return result

    def __str__(self) -> str:
        rows = [f"\n{self.ground}", f"{'':<12}" + "".join(f"{each:>18}" for each in FIGURES) + f"{'seconds':>10}"]
        for name, results in self.found.items():
            cells = []
            for figure in FIGURES.values():
                values = [result.metrics[figure] for result in results]
                mean = fmean(values)
                cells.append(f"{mean:.4f} ± {max(abs(value - mean) for value in values):.4f}")
            rows.append(
                f"{name:<12}" + "".join(f"{cell:>18}" for cell in cells) + f"{self.seconds[name] / len(results):>10.0f}"
            )
        return "\n".join(rows)


def main(args: argparse.Namespace) -> None:
    grounds = {difficulty: Table(f"generated, difficulty {difficulty}") for difficulty in args.difficulty}
    scratch, warm = Table("CAMO, from random weights"), Table("CAMO, from weights of generated camouflage")
    with tempfile.TemporaryDirectory() as folder:
        for seed in tqdm(range(args.seeds), disable=None, unit="seed"):
            for name in args.models:
                model, start = MODELS[name], None
                for difficulty, table in grounds.items():
                    result = table.add(name, config(model, generated(difficulty), seed, args.epochs, folder))
                    start = start or result.checkpoint
                if args.camo:
                    scratch.add(name, config(model, camo(args.camo), seed, args.camo_epochs, folder))
                    warm.add(name, config(model, camo(args.camo), seed, args.camo_epochs, folder), start)
            print(*grounds.values(), *([scratch, warm] if args.camo else []), sep="\n", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--difficulty", type=float, nargs="+", default=[0.4, 0.8])
    parser.add_argument("--camo", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8, help="of 1024 generated images")
    parser.add_argument("--camo-epochs", type=int, default=8)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    main(parser.parse_args())
