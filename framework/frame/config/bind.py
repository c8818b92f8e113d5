"""Binding: from plain tables to a frozen :class:`Run`, collecting every problem on the way.

Two phases: the core tables first, with components held as they are; then each component by its name, importing only
its own options class.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from frame.config.document import COMPONENT_TABLES, Document, read
from frame.config.messages import explain
from frame.config.options import BindError, Options, Part, Problem
from frame.config.run import Run, WeightedLoss
from frame.config.tables import DataTable, LossTable, PluginsTable, RunTable, StageTable, TrainTable
from frame.plugin.component import Kind
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from frame.plugin.catalog import Catalog

Table = dict[str, Any]
Model = TypeVar("Model", bound=Options)
CORE_TABLES = {"run": RunTable, "train": TrainTable, "stages": StageTable, "plugins": PluginsTable}
LABELLED = {"losses": Kind.LOSS, "metrics": Kind.METRIC, "callbacks": Kind.CALLBACK}
PARTS = {"data": Kind.DATASET, "backbone": Kind.BACKBONE, "head": Kind.HEAD, "strategy": Kind.STRATEGY}
DEFAULT_STRATEGY = "auto"


class ConfigError(UserError):
    """A config with something wrong; the message has a line for each problem."""

    def __init__(self, document: Document, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(_located(document, problem) for problem in problems))


def load_run(config: str | Path | Mapping[str, Any], catalog: Catalog, overrides: Sequence[str] = ()) -> Run:
    """Read and bind a config. Raises :class:`UserError`, with all problems at once."""
    return bind(read(config, overrides), catalog)


def bind(document: Document, catalog: Catalog) -> Run:
    """Bind a document against the installed components.

    Raises
    ------
    ConfigError
        With every problem: unknown tables, keys and components, values of a wrong type or out of range.
    """
    return _Binding(document, catalog).run()


def bind_component(
    catalog: Catalog, kind: Kind, name: str, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> Part:
    """One component outside any config, with ``options`` as TOML would hold them and ``"key=VALUE"`` on top.

    Raises :class:`ConfigError`.
    """
    document = read({}, overrides)
    return _bind_alone(catalog, kind, {**(options or {}), **document.tables(), "name": name}, document)


def bind_table(catalog: Catalog, kind: Kind, document: Document, *path: str) -> Part:
    """The component in the table at ``path``, whatever else the document holds. Raises :class:`ConfigError`."""
    table: Any = document.tables()
    for key in path:
        table = table.get(key, {})
    return _bind_alone(catalog, kind, table, document, *path)


def _bind_alone(catalog: Catalog, kind: Kind, table: Any, document: Document, *key: str) -> Part:
    try:
        return _Binding(document, catalog).bind_part(kind, table)
    except BindError as error:
        raise ConfigError(document, [problem.under(*key) for problem in error.problems]) from None


class _Binding:
    """One pass over one document; collects problems and warnings."""

    def __init__(self, document: Document, catalog: Catalog) -> None:
        self.document = document
        self.tables = document.tables()
        self.catalog = catalog
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def run(self) -> Run:
        self._refuse_unknown_tables()
        plugins = self._core(PluginsTable, "plugins")
        if plugins is not None:
            self.problems += [Problem(("plugins", "require"), text) for text in self.catalog.require(plugins.require)]
        run, train = self._core(RunTable, "run"), self._core(TrainTable, "train")
        stages = self._stages(train)
        data, dataset = self._data()
        backbone, head = self._part("backbone"), self._part("head")
        strategy = self._part("strategy", default=DEFAULT_STRATEGY)
        losses = self._losses()
        metrics, callbacks = self._labelled("metrics"), self._labelled("callbacks")
        for key, bound in (("losses", losses), ("metrics", metrics)):
            if not bound and not self.problems:
                text = f"at least one {LABELLED[key]} is required, in a table like [{key}.mine]"
                self.problems.append(Problem((key,), text))
        self._raise()
        assert run and train and plugins and data and dataset and backbone and head and strategy  # noqa: S101, PT018
        whole = Run(
            run=run,
            data=data,
            dataset=dataset,
            backbone=backbone,
            head=head,
            losses=losses,
            train=train,
            stages=stages,
            strategy=strategy,
            metrics=metrics,
            callbacks=callbacks,
            plugins=plugins,
            document=self.document,
            warnings=tuple(self.warnings),
        )
        self._check_monitor(whole)
        self._check_tasks(whole)
        self._raise()
        return whole

    def _raise(self) -> None:
        if self.problems:
            raise ConfigError(self.document, self.problems)

    def _refuse_unknown_tables(self) -> None:
        known = sorted(COMPONENT_TABLES | CORE_TABLES.keys())
        for key in self.tables.keys() - set(known):
            close = get_close_matches(key, known, 1)
            hint = f'did you mean "{close[0]}"?' if close else f"there are: {', '.join(known)}"
            self.problems.append(Problem((key,), f"no such table; {hint}"))

    def _table(self, *path: str) -> Table | None:
        """The table at ``path``, or ``None`` with a problem noted if something else stands there."""
        value: Any = self.tables
        for key in path:
            value = value.get(key, {})
        if isinstance(value, dict):
            return value
        self.problems.append(Problem(path, f"expected a table, got {json.dumps(value, default=str)}"))
        return None

    def _core(self, model: type[Model], *path: str) -> Model | None:
        table = self._table(*path)
        return None if table is None else self._validate(model, table, path, f"[{'.'.join(path)}]")

    def _validate(self, model: type[Model], table: Table, path: tuple[str, ...], owner: str) -> Model | None:
        try:
            return validate(model, table, self.bind_part, owner)
        except BindError as error:
            self.problems += [problem.under(*path) for problem in error.problems]
            return None

    def _stages(self, train: TrainTable | None) -> dict[str, StageTable]:
        tables = self._table("stages")
        if not tables:
            if tables is not None:
                self.problems.append(Problem(("stages",), "at least one stage is required, such as [stages.main]"))
            return {}
        bound = {name: self._core(StageTable, "stages", name) for name in tables}
        names = tuple(tables) if train is None or train.stages is None else train.stages
        for index, name in enumerate(names):
            if name not in bound:
                hint = f"there are: {', '.join(bound)}"
                self.problems.append(Problem(("train", "stages", index), f'no stage is called "{name}"; {hint}'))
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            self.problems.append(Problem(("train", "stages"), f"named twice: {', '.join(repeated)}"))
        chosen = {name: stage for name in names if (stage := bound.get(name)) is not None}
        for name, stage in chosen.items():
            self._warn_without_effect(name, stage)
        return chosen

    def _warn_without_effect(self, name: str, stage: StageTable) -> None:
        given = stage.model_fields_set
        if stage.warmup > stage.epochs:
            text = f"of {stage.warmup:g} epochs is longer than the stage's {stage.epochs}: the rate never reaches lr"
            self.warnings.append(f"stages.{name}.warmup {text}")
        if stage.warmup and stage.scheduler == "onecycle":
            self.warnings.append(f'stages.{name}.warmup comes before the rise that scheduler = "onecycle" has itself')
        if "min_lr" in given and stage.scheduler == "constant":
            self.warnings.append(f'stages.{name}.min_lr has no effect with scheduler = "constant"')
        if "backbone_lr_scale" in given and "backbone" in stage.frozen:
            self.warnings.append(f"stages.{name}.backbone_lr_scale has no effect while the backbone is frozen")

    def _data(self) -> tuple[DataTable | None, Part | None]:
        table = self._table("data")
        if table is None:
            return None, None
        core = {key: value for key, value in table.items() if key in DataTable.model_fields}
        data = self._validate(DataTable, core, ("data",), "[data]")
        rest = {key: value for key, value in table.items() if key not in core}
        return data, self._bound(Kind.DATASET, rest, ("data",), DataTable)

    def _part(self, key: str, default: str | None = None) -> Part | None:
        table = self._table(key)
        if table is None:
            return None
        if default is not None and "name" not in table:
            table = {"name": default, **table}
        return self._bound(PARTS[key], table, (key,))

    def _losses(self) -> dict[str, WeightedLoss]:
        losses = {}
        for label, table in self._labels("losses").items():
            core = {key: value for key, value in table.items() if key in LossTable.model_fields}
            weighting = self._validate(LossTable, core, ("losses", label), f"[losses.{label}]")
            rest = {key: value for key, value in table.items() if key not in core}
            part = self._bound(Kind.LOSS, rest, ("losses", label), LossTable)
            if part is not None and weighting is not None:
                losses[label] = WeightedLoss(part, weighting.weight)
                if weighting.weight == 0:
                    self.warnings.append(f"losses.{label} has no effect: its weight is 0")
        return losses

    def _labelled(self, key: str) -> dict[str, Part]:
        found = {label: self._bound(LABELLED[key], table, (key, label)) for label, table in self._labels(key).items()}
        return {label: part for label, part in found.items() if part is not None}

    def _labels(self, key: str) -> dict[str, Table]:
        """The labelled tables under ``key``; ``label = false`` takes out what a parent put in."""
        found: dict[str, Table] = {}
        for label, value in (self._table(key) or {}).items():
            if value is not False and (table := self._table(key, label)) is not None:
                found[label] = table
        return found

    def _bound(
        self, kind: Kind, table: Table, path: tuple[str, ...], reserved: type[Options] | None = None
    ) -> Part | None:
        try:
            part = self.bind_part(kind, table)
        except BindError as error:
            self.problems += [problem.under(*path) for problem in error.problems]
            return None
        if part.options is not None and reserved is not None:
            clash = type(part.options).model_fields.keys() & (reserved.model_fields.keys() | {"name"})
            if clash:
                text = f'{kind} "{part.name}" declares the option {sorted(clash)[0]!r}, which belongs to Frame'
                self.problems.append(Problem(path, f"{text}: a fault of {part.entry and part.entry.plugin}"))
        return part

    def bind_part(self, kind: Kind, value: object) -> Part:
        """A name, or a table with a name and options, to a bound part. Raises :class:`BindError`."""
        table = {"name": value} if isinstance(value, str) else value
        if not isinstance(table, dict):
            raise BindError([Problem((), f"expected a name of kind {kind}, or a table with one, got {value!r}")])
        name = table.get("name")
        if not isinstance(name, str):
            offered = ", ".join(dict.fromkeys(entry.name for entry in self.catalog.entries(kind)))
            text = f"{kind.one} is required" if name is None else f"expected {kind.one}'s name, got {name!r}"
            raise BindError([Problem(("name",), f"{text}; there are: {offered}")])
        try:
            entry = self.catalog.find(kind, name)
            model = entry.load_options() or Options
        except UserError as error:
            raise BindError([Problem(("name",), str(error))]) from None
        owner = f'{kind} "{name}" ({entry.plugin.source})'
        options = validate(model, {k: v for k, v in table.items() if k != "name"}, self.bind_part, owner)
        return Part(kind, name, entry, options)

    def _check_monitor(self, run: Run) -> None:
        label = run.monitor.partition("/")[0]
        if label not in run.metrics:
            hint = f"there are: {', '.join(run.metrics)}"
            self.problems.append(Problem(("train", "monitor"), f'no metric is labelled "{label}"; {hint}'))

    def _check_tasks(self, run: Run) -> None:
        """Head, losses and metrics must serve the data set's task."""
        task = "binary" if run.num_classes == 1 else "multiclass"
        chosen: list[tuple[tuple[str, ...], Part]] = [(("head",), run.head)]
        chosen += [(("losses", label), loss.part) for label, loss in run.losses.items()]
        chosen += [(("metrics", label), part) for label, part in run.metrics.items()]
        for path, root in chosen:
            for part in root.walk():
                serves = part.entry.component.serves if part.entry else ()
                if task not in serves:
                    text = f'{part.kind} "{part.name}" serves {" and ".join(serves)} work, but data set '
                    self.problems.append(Problem(path, f'{text}"{run.dataset.name}" is {task}'))


def validate(model: type[Model], table: Table, bind_part: Any, owner: str) -> Model:
    """``table`` as an instance of ``model``; raises :class:`BindError` with all that is wrong."""
    try:
        # Through JSON, because strict validation of Python values refuses TOML's arrays for tuples and str for Path.
        return model.model_validate_json(json.dumps(table, default=str), context={"bind": bind_part})
    except ValidationError as error:
        raise BindError(explain(error, model, owner)) from None


def _located(document: Document, problem: Problem) -> str:
    key = "".join(f"[{item}]" if isinstance(item, int) else f".{item}" for item in problem.path).lstrip(".")
    origin = document.origin(problem.path) or document.origin(problem.path[:-1]) or document.name
    return f"{origin}: {key}: {problem.message}"
