"""``frame.evaluate``: the field's figures of a trained model, or of maps that any model has saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from frame.config.bind import bind, bind_table
from frame.config.document import read
from frame.config.run import classes_of
from frame.data.cores import cores
from frame.data.pipeline import Subset, ValidationSamples, validation_loader
from frame.data.recognize import all_recognized
from frame.engine.build import new_metric
from frame.engine.inference import maps
from frame.engine.inference.predictor import assembled
from frame.engine.inference.saved import read_saved
from frame.engine.inference.scores import Tally
from frame.engine.inference.test_time import averaged
from frame.engine.plan import split_data
from frame.engine.validate import validate
from frame.plugin.catalog import catalog
from frame.plugin.component import Kind
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from frame.config.options import Part
    from frame.contracts.dataset import Dataset, Split
    from frame.engine.inference.predictor import Predictor
    from frame.engine.inference.saved import Which
    from frame.engine.inference.scores import Metrics, Scores
    from frame.plugin.catalog import Catalog

STANDARD = {1: ("cod", "iou", "dice"), 2: ("iou", "dice")}
"""The metrics that every evaluation has, for one class and for several."""
_ONCE = {"cod": {"keep_mb": 0}}  # each mask is met once: nothing is worth keeping, least of all in every worker
EACH = "each"
_MOST_WORKERS, _WORTH_A_WORKER = 8, 64


class Evaluation(NamedTuple):
    """Figures by data set."""

    rows: dict[str, Scores]
    """By the data set's name; with an expert switched off, ``"NAME without EXPERT"``."""
    about: dict[str, Any]
    """What was measured: checkpoint, weights, size, flips, scales; or the folder of maps."""


def evaluate(
    checkpoint: str | Path | None = None,
    data: Mapping[str, str | Path] | None = None,
    *,
    split: Split = "test",
    predictions: str | Path | None = None,
    weights: Which = "measured",
    flips: bool = False,
    scales: Sequence[float] = (1.0,),
    without_experts: Sequence[str] = (),
    batch_size: int = 8,
    workers: int | None = None,
    device: str = "auto",
    plugins: Catalog | None = None,
) -> Evaluation:
    """Measure a trained model, at each mask's own size.

    Parameters
    ----------
    checkpoint
        A run's folder, of which the best checkpoint is taken, a checkpoint, or an exported ``.safetensors`` file.
    data
        Folders by the names that rows have; which data set each is, is found by looking at it, and one with several in
        sub-folders has a row for each. Without any, the data set that the model was trained on.
    split
        Of each data set; ``"validation"`` without ``data`` is what the run held out.
    predictions
        A folder of maps to score instead of a model, each called as its mask, or with a sub-folder for each data
        set. A folder in ``data`` may then hold masks alone.
    weights, flips, scales, device
        As for :func:`frame.load`.
    without_experts
        Experts of the head that are switched off, one at a time, each in a row of its own; ``"each"`` for all.
    batch_size, workers
        Images a batch, and processes that load them or score maps; without a number, one a core if it pays.
    plugins
        The components to choose from; by default all that are installed.

    Raises
    ------
    UserError
        If the checkpoint or a data set can't be had.
    """
    plugins = plugins or catalog()
    if (checkpoint is None) == (predictions is None):
        raise UserError("give a checkpoint, or a folder of predictions to score: one of them")
    rows: dict[str, Scores] = {}
    if predictions is not None:
        if not data:
            raise UserError(
                "predictions are scored against data: name the data set's folder, such as --data COD10K=DIR"
            )
        for name, dataset in _masks(plugins, data, split):
            own = Path(predictions) / name.rpartition("/")[2]
            rows[name] = _scored(dataset, own if own.is_dir() else Path(predictions), plugins, workers)
        return Evaluation(rows, {"predictions": str(predictions), "split": split})
    predictor = assembled(read_saved(Path(str(checkpoint)), weights), plugins, device)
    predictor.flips, predictor.scales = flips, tuple(scales)
    for name, part, samples in _subsets(predictor, data, split, plugins):
        for label in _with_experts(predictor, name, without_experts):
            rows[label] = _measured(predictor, part, samples, label, plugins, batch_size, workers)
    saved = predictor.saved
    about: dict[str, Any] = {"checkpoint": str(saved.path), "weights": saved.which}
    about |= {"split": split, "size": predictor.size, "flips": flips, "scales": list(predictor.scales)}
    return Evaluation(rows, about)


def _subsets(
    predictor: Predictor, data: Mapping[str, str | Path] | None, split: Split, plugins: Catalog
) -> Iterator[tuple[str, Part, Subset]]:
    if data:
        for name, found in _found(plugins, data, split):
            part = _as_trained(predictor, name, found, plugins)
            if split == "validation" and getattr(part.options, "is_unsplit", False):
                raise UserError(
                    f"{name}: {data[name]} has no validation split, and which images were held out of it only the run "
                    "knows: leave --data out where it lies where the run's config says"
                )
            yield name, part, Subset(part(split=split), num_classes=predictor.num_classes)
        return
    run = bind(read(predictor.saved.config), plugins)
    try:
        held_out = split == "validation"
        samples = split_data(run)[1] if held_out else Subset(run.dataset(split=split), num_classes=run.num_classes)
    except UserError as error:
        raise UserError(f"{error}; or give --data NAME=DIR, or another --split") from None
    yield run.dataset.name, run.dataset, samples


def _as_trained(predictor: Predictor, name: str, part: Part, plugins: Catalog) -> Part:
    """The data set, read for the classes that the model tells apart."""
    own, keys = predictor.saved.config["data"], getattr(type(part.options), "as_trained", ())
    told = {key: own[key] for key in keys if key in own}
    if "classes" in keys and "classes" not in told and predictor.classes:  # its own data set, such as concat, has none
        told["classes"] = list(predictor.classes)
    if told:
        part = bind_table(plugins, Kind.DATASET, read({"data": part.as_table() | told}), "data")
    if classes_of(part) != predictor.classes:
        theirs, ours = (", ".join(each) or "one class" for each in (classes_of(part), predictor.classes))
        raise UserError(f"{name}: masks of data set {part.name!r} are of {theirs}; the model tells apart {ours}")
    return part


def _with_experts(predictor: Predictor, name: str, without: Sequence[str]) -> Iterator[str]:
    """The row's name with all experts, then with each of ``without`` switched off, while it is."""
    head: Any = predictor.model.head
    if without and not hasattr(head, "switch_off"):
        raise UserError(f"head {predictor.saved.config['head']['name']!r} has no experts to switch off")
    chosen = () if not without else tuple(dict.fromkeys(head.experts if EACH in without else without))
    for expert in chosen:  # what is wrong with a name is said before anything is measured
        head.switch_off((expert,))
        head.switch_off(())
    yield name
    for expert in chosen:
        head.switch_off((expert,))
        try:
            yield f"{name} without {expert}"
        finally:
            head.switch_off(())


def _measured(
    predictor: Predictor,
    part: Part,
    samples: Subset,
    label: str,
    plugins: Catalog,
    batch_size: int,
    workers: int | None,
) -> Scores:
    tally = Tally(_metrics(plugins, predictor.classes, predictor.saved.config), _group_of(samples.dataset))
    strategy = predictor.strategy
    loader = validation_loader(
        ValidationSamples(samples, predictor.size, "skip"),
        batch_size,
        _workers(workers, len(samples)),
        strategy.root_device,
    )
    with tqdm(total=len(samples), desc=label, unit="image", disable=None, leave=False) as bar:

        def observe(sample: Any, probability: Any) -> None:
            tally.add(sample.id, tally.seen(probability, sample.mask))
            bar.update()

        model = averaged(predictor.model, predictor.flips, predictor.scales)
        validate(model, strategy, loader, {}, lambda: None, observe, tally.note_unreadable)
    if not tally.images:
        first = f"; the first: {tally.unreadable[0]}" if tally.unreadable else ""
        raise UserError(f"{label}: data set {part.name!r} has no image that can be read{first}")
    return tally.scores()


def _found(plugins: Catalog, data: Mapping[str, str | Path], split: Split) -> Iterator[tuple[str, Part]]:
    """The data set in each folder by its name; of a folder that holds several, ``"NAME/SUB-FOLDER"``."""
    for name, folder in data.items():
        parts = all_recognized(plugins, Path(folder), split)
        for inside, part in parts.items():
            yield name if len(parts) == 1 else f"{name}/{inside}", part


def _masks(plugins: Catalog, data: Mapping[str, str | Path], split: Split) -> Iterator[tuple[str, Dataset]]:
    """The data sets in the folders, or the masks that lie there without images."""
    for name, folder in data.items():
        try:
            found = list(_found(plugins, {name: folder}, split))
        except UserError:
            alone = maps.MaskFolder(Path(folder))
            if not len(alone):
                raise
            yield name, alone
            continue
        for row, part in found:
            if classes := classes_of(part):
                raise UserError(f"{row} has {len(classes)} classes: only maps of one class can be scored")
            yield row, part(split=split)


def _scored(dataset: Dataset, folder: Path, plugins: Catalog, workers: int | None) -> Scores:
    tally = Tally(_metrics(plugins, (), once=True), _group_of(dataset))
    with tqdm(total=len(dataset), desc=str(folder), unit="map", disable=None, leave=False) as bar:
        maps.score(dataset, folder, tally, _workers(workers, len(dataset)), bar.update)
    return tally.scores()


@dataclass(frozen=True, slots=True)
class _NewMetrics:
    """Builds fresh metrics, in any process."""

    parts: dict[str, Part]
    classes: tuple[str, ...]

    def __call__(self) -> Metrics:
        return {label: new_metric(part, self.classes) for label, part in self.parts.items()}


def _metrics(
    plugins: Catalog, classes: tuple[str, ...], config: Mapping[str, Any] | None = None, *, once: bool = False
) -> _NewMetrics:
    """The standard metrics, and of the run's own those of other names; not those that watch the model itself."""
    standard = STANDARD[2 if classes else 1]
    own = {label: table for label, table in (config or {}).get("metrics", {}).items() if table["name"] not in standard}
    options: dict[str, Any] = _ONCE if once else {}
    tables = read({"metrics": {name: {"name": name, **options.get(name, {})} for name in standard} | own})
    parts = {label: bind_table(plugins, Kind.METRIC, tables, "metrics", label) for label in tables.tables()["metrics"]}
    watching = [label for label, part in parts.items() if hasattr(new_metric(part, classes), "update_extras")]
    return _NewMetrics({label: part for label, part in parts.items() if label not in watching}, classes)


def _group_of(dataset: Any) -> Callable[[str], str | None] | None:
    return getattr(dataset, "group", None)


def _workers(asked: int | None, images: int) -> int:
    if asked is not None:
        return asked
    return min(cores(), _MOST_WORKERS) if images >= _WORTH_A_WORKER else 0
