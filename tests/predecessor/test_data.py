"""Faults of the predecessor's data and figures: negatives, the test set, a mean over batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

import frame_datasets.pairs
from frame.cli.main import main


class Opened(NamedTuple):
    """A pair of files that a run has read."""

    image: Path
    is_blank: bool


@pytest.fixture
def opened(monkeypatch) -> list[Opened]:
    """What a run reads from the disk, in order."""
    read, seen = frame_datasets.pairs.read_pair, []

    def noted(image: str, mask: str, *how: Any) -> Any:
        pixels, objects = read(image, mask, *how)
        seen.append(Opened(Path(image), not objects.any()))
        return pixels, objects

    monkeypatch.setattr(frame_datasets.pairs, "read_pair", noted)
    return seen


@pytest.fixture
def cod10k(tmp_path, config) -> Path:
    """COD10K as it lies on disk, NonCAM among it, and a short run on it."""
    root = tmp_path / "COD10K-v3"
    made = ["--train", "16", "--test", "8", "--set", "empty=0.4", "--set", "resolution=32"]
    assert main(["data", "make", str(root), "--layout", "cod10k", *made]) == 0
    config["data"] = {"name": "cod10k", "root": str(root), "size": 16, "workers": 0, "validation": 0.25}
    config["train"] = {"stages": ["decoder"]}
    return root


def listed(root: Path, name: str) -> set[str]:
    """The ids in one of the set's own lists."""
    return {line.split()[0].removesuffix(".jpg") for line in (root / "Info" / f"{name}.txt").read_text().splitlines()}


def test_noncam_images_and_their_blank_masks_are_not_trained_on_unasked(train, cod10k, opened) -> None:
    """Fault 7: it trains on all 6000 images, 2960 of them NonCAM with blank masks."""
    cam, noncam = listed(cod10k, "CAM_train"), listed(cod10k, "NonCAM_train")
    assert min(len(cam), len(noncam)) > 2
    train()
    assert {pair.image.stem for pair in opened} == cam
    assert not any(pair.is_blank for pair in opened)
    train("data.noncam=true")
    assert {pair.image.stem for pair in opened} == cam | noncam


def test_the_validation_set_is_held_out_of_train_and_the_test_set_is_not_opened(
    train, cod10k, opened, monkeypatch
) -> None:
    """Fault 8: its validation set is the first 800 sorted test images, so it selects on the test set."""
    import frame_small  # what `train` installed

    trained, validated = set(), set()

    class Witness(frame_small.Recorder):
        def on_validation_start(self, _images: int) -> None:
            trained.update(pair.image.stem for pair in opened if not validated)

        def on_validation_sample(self, sample: Any, _probability: Any) -> None:
            validated.add(sample.id)

    monkeypatch.setattr(frame_small, "Recorder", Witness)
    train()
    assert len(validated) == round(0.25 * len(listed(cod10k, "CAM_train")))
    assert trained == listed(cod10k, "CAM_train") - validated
    assert {pair.image.relative_to(cod10k).parts[0] for pair in opened} == {"Train"}


def test_the_iou_is_a_mean_over_images_whatever_the_batch_size(train, monkeypatch) -> None:
    """Fault 9: its IoU is pooled over a batch, so it depends on the batch size."""
    import frame_small  # what `train` installed

    areas: list[tuple[int, int]] = []

    class Witness(frame_small.Recorder):
        def on_validation_sample(self, sample: Any, probability: Any) -> None:
            found, truth = probability[0] > 0.5, sample.mask > 0
            areas.append(((found & truth).sum(), (found | truth).sum()))

    monkeypatch.setattr(frame_small, "Recorder", Witness)
    settings = ("data.images=40", "data.side=12", "train.stages=['decoder']", "stages.decoder.epochs=1")
    start = train(*settings, "stages.decoder.frozen=[]", "stages.decoder.lr=0.05", metrics={"iou": "iou"})
    settings += (f"train.init_from={start.checkpoint}", "stages.decoder.lr=1e-30")
    for batch_size in (1, 3, 8):
        areas.clear()
        found = train(*settings, f"stages.decoder.batch_size={batch_size}", metrics={"iou": "iou"}).metrics["iou"]
        assert found == pytest.approx(sum(both / either for both, either in areas) / 8)
        assert found == pytest.approx(start.metrics["iou"], abs=1e-3)
    both, either = map(sum, zip(*areas, strict=True))
    assert abs(both / either - found) > 5e-3  # so far from it is what pooling the eight images gives
