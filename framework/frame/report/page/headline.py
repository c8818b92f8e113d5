"""The head of the page: what ran, how far it came, and the figures beside those of guesses."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from frame.report.page.markup import NONE, Html, Section, joined, number, section, table, tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from frame.report.page.record import RunRecord

MODEL = "this model"
OF_CLASS = "class_"


def title(record: RunRecord) -> Html:
    """The run's name, its parts, and how far it came."""
    config = record.config
    parts = [config.get(key, {}).get("name", "?") for key in ("backbone", "head", "data")]
    facts = [("backbone", parts[0]), ("head", parts[1]), ("data", parts[2])]
    facts += [("size", f"{config['data']['size']} px")] if "size" in config.get("data", {}) else []
    over = len(record.epochs) if record.has_history else "?"
    facts += [("epochs", f"{over} of {record.planned}"), ("state", state(record))]
    if seconds := sum(epoch.seconds for epoch in record.epochs if math.isfinite(epoch.seconds)):
        facts.append(("time", duration(seconds)))
    if record.starts:
        facts.append(("started", _time(record.starts[0]["time"])))
    listed = tag("dl", [tag("div", tag("dt", key), tag("dd", value)) for key, value in facts], class_="facts")
    return tag("header", tag("p", "Frame run", class_="eyebrow"), tag("h1", record.name), listed)


def state(record: RunRecord) -> str:
    """How the run ended, if it did."""
    if stopped := record.result.get("stopped"):
        return f"stopped by {stopped}; can be resumed"
    return "finished" if record.result or record.ends else "not finished"


def figures(record: RunRecord) -> Section:
    """The best checkpoint's figures beside the baselines'."""
    best, found = record.best, record.figures
    if not found:
        return section("figures", "Figures", tag("p", "There is no validation yet, so there are no figures."))
    monitored = record.monitor
    weights = "the weights' running average (EMA)" if record.has_average else "the raw weights"
    where = (
        f"epoch {best.number}" + (f" ({best.stage} {best.within})" if _stages(record) else "")
        if best
        else "the best epoch"
    )
    told = [
        f"Validation images, held out of training; best checkpoint, of {where}, chosen by the ",
        tag("em", "lowest" if record.lower_is_better else "highest"),
        " ",
        tag("code", monitored),
        f". Measured on {weights}.",
    ]
    shown = main_figures(record, found)
    rows = [
        [
            name + (" ★" if name == monitored else ""),
            number(found[name]),
            *(number(each.get(name)) for each in record.baselines.values()),
        ]
        for name in shown
    ]
    head = ["figure", MODEL, *record.baselines]
    beside = table("Figures of the best checkpoint, and of guesses that look at no image", head, rows)
    caveat = None
    if not record.baselines:
        caveat = tag("p", "Baselines are measured when the run ends.", class_="note")
    return section("figures", "Figures", tag("p", *told, class_="lead"), _tiles(record, shown), beside, caveat)


def main_figures(record: RunRecord, found: Iterable[str]) -> list[str]:
    """The names of those that are not of one class, level or expert, which have sections of their own."""
    inner = {name: name.partition("/")[2] for name in found}
    classes = set(record.classes)
    return [name for name, own in inner.items() if not ("." in own or own.startswith(OF_CLASS) or own in classes)]


def duration(seconds: float) -> str:
    """Seconds in words."""
    if not math.isfinite(seconds):
        return NONE
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours} h {minute} min" if hours else f"{minute} min {second} s" if minute else f"{second} s"


def _time(text: str) -> str:
    """To the minute, UTC."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _tiles(record: RunRecord, shown: list[str]) -> Html:
    """The monitored figure large, then the metrics' main ones."""
    names = list(dict.fromkeys([record.monitor, *(name for name in shown if "/" not in name)]))
    tiles = []
    for name in [name for name in names if name in record.figures][:5]:
        guesses = [
            f"{guess} {number(each[name], 3)}"
            for guess, each in record.baselines.items()
            if name in each and math.isfinite(each[name])
        ]
        tiles.append(
            tag(
                "div",
                tag(
                    "p",
                    name,
                    tag("span", " ★ monitored", class_="star") if name == record.monitor else None,
                    class_="what",
                ),
                tag("p", number(record.figures[name]), class_="value"),
                tag("p", [tag("span", guess) for guess in guesses], class_="beside") if guesses else None,
                class_="tile first" if name == record.monitor else "tile",
            )
        )
    return joined(tag("div", tiles, class_="tiles"))


def _stages(record: RunRecord) -> bool:
    return len({epoch.stage for epoch in record.epochs}) > 1
