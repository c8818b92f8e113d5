"""Losses and validation figures over the run's epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame.report.page.chart import Curve, chart
from frame.report.page.headline import duration, main_figures
from frame.report.page.markup import Html, Section, number, section, table, tag

if TYPE_CHECKING:
    from frame.report.page.record import RunRecord

TOTAL = "loss"


def curves(record: RunRecord) -> Section:
    """Small charts side by side, the monitored figure and the whole loss first, and all of it as a table."""
    if not record.epochs:
        why = "No epoch is finished yet" if record.has_history else "The callback history was off"
        return section("curves", "Curves", tag("p", f"{why}, so there is nothing to draw."))
    names = main_figures(record, record.epochs[-1].validation)
    names.sort(key=lambda name: name != record.monitor)
    losses = list(record.epochs[-1].train)
    several = len({epoch.stage for epoch in record.epochs}) > 1
    places = [f"epoch {e.number}" + (f" ({e.stage} {e.within})" if several else "") for e in record.epochs]
    best = record.best.number - 1 if record.best else None
    stages = list(record.boundaries())

    def validation(name: str) -> Html:
        values = [epoch.validation.get(name, float("nan")) for epoch in record.epochs]
        references = {guess: each[name] for guess, each in record.baselines.items() if name in each}
        title = f"{name} ★" if name == record.monitor else name
        return chart(Curve(title, values, places, best, references, stages=stages))

    def loss(name: str) -> Html:
        values = [epoch.train.get(name, float("nan")) for epoch in record.epochs]
        fine = record.steps if name == TOTAL else ()
        return chart(Curve(name, values, places, None, None, fine, stages))

    key = tag(
        "p",
        tag("span", tag("span", class_="key best"), "best checkpoint"),
        tag("span", tag("span", class_="key dash"), "a guess that looks at no image"),
        class_="legend",
    )
    thin = tag(
        "p",
        (
            "loss is the weighted sum that is trained on, with that of single steps as a thin line; "
            "the others are without their weights."
        ),
        class_="legend",
    )
    return section(
        "curves",
        "Curves",
        tag(
            "p",
            "Over the epochs of the whole run. Point at a chart, or touch it, for the values of an epoch.",
            class_="lead screen",
        ),
        tag("h3", "Validation"),
        key,
        tag("div", [validation(name) for name in names], class_="charts"),
        tag("h3", "Training loss"),
        thin,
        tag("div", [loss(name) for name in losses], class_="charts"),
        _as_table(record, names, places),
    )


def _as_table(record: RunRecord, names: list[str], places: list[str]) -> Html:
    rows = [
        [
            place + (" ●" if record.best is epoch else ""),
            number(epoch.train.get(TOTAL)),
            *(number(epoch.validation.get(name)) for name in names),
            duration(epoch.seconds),
        ]
        for epoch, place in zip(record.epochs, places, strict=True)
    ]
    whole = table(
        "Loss and validation figures of each epoch; ● is the best checkpoint's", ["epoch", TOTAL, *names, "time"], rows
    )
    return tag("details", tag("summary", "The same as a table"), whole)
