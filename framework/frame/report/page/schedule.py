"""The schedule of a run: rates of each group, what is frozen, and what changes when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from frame.config.tables import StageTable
from frame.engine.outlook import ALL, backbone_words, foretold
from frame.engine.stages import StagePlan
from frame.report.page.axes import TOP, Axes, room
from frame.report.page.markup import Html, Section, section, table, tag
from frame.report.schedule_table import bounds, course, moments, short, size

if TYPE_CHECKING:
    from frame.engine.outlook import Outlook, StageOutlook
    from frame.report.page.record import RunRecord

GROUPS = ("head", "backbone")
WIDTH, HEIGHT, FOOT, MARGIN = 480.0, 240.0, 66.0, 64.0
LANE, GAP = 16.0, 3.0
_MOST_POINTS = 240  # of a line in each stage
_GLYPH = 7.2


def schedule(record: RunRecord) -> Section:
    """A chart of the rates over lanes of what is trained, and the moments at which something changes."""
    outlook = _outlook(record)
    if outlook is None:
        why = "How many steps an epoch has was not recorded, so the schedule can't be drawn."
        return section("schedule", "Schedule", tag("p", why))
    rows = []
    for stage in outlook.stages:
        for what, step, epoch, _, backbone, head, trained in moments(stage):
            rows.append([stage.plan.name, what, epoch, step, head, backbone, trained])
    told = [
        tag(
            "li",
            tag("b", s.plan.name),
            f": {size(s)}, {s.plan.table.batch_size} images a batch; {course(s.plan.table)}",
        )
        for s in outlook.stages
    ]
    key = [tag("span", tag("span", class_=f"key {group}"), group) for group in GROUPS]
    rests = any(not s.trains_head or 0 in s.trained_stages for s in outlook.stages)
    frozen = tag("span", tag("span", class_="key frozen"), "frozen") if rests else None
    return section(
        "schedule",
        "Schedule",
        tag("ul", told, class_="lead"),
        tag("p", key, frozen, class_="legend"),
        _picture(outlook),
        table(
            "When something changes: learning rates of both groups, and what is trained",
            ["stage", "moment", "epoch", "step", "head", "backbone", "trained"],
            rows,
            words=True,
        ),
    )


def _outlook(record: RunRecord) -> Outlook | None:
    """From the config's stages and the steps that the history tells; the data need not be there."""
    tables = record.config.get("stages", {})
    steps = {stage["name"]: stage["steps_per_epoch"] for start in record.starts for stage in start["stages"]}
    plans: list[StagePlan] = []
    for name in record.config.get("train", {}).get("stages", tables):
        try:
            bound = StageTable.model_validate_json(json.dumps(tables[name]))
        except (ValidationError, KeyError):
            return None
        if name not in steps:
            return None
        plans.append(StagePlan(name, bound, steps[name], first_epoch=sum(plan.table.epochs for plan in plans)))
    return foretold(record.name, (), plans) if plans else None


def _picture(outlook: Outlook) -> Html:
    lowest, peak = bounds(outlook)
    span = (lowest, 3.0 * peak) if lowest else room([0.0, peak], 0.2)
    axes = Axes((0.0, float(outlook.epochs)), span, WIDTH, HEIGHT, lowest > 0, FOOT, MARGIN)
    names = [(float(stage.plan.first_epoch), stage.plan.name) for stage in outlook.stages]
    drawn = [*axes.grid(), *axes.stages(names, HEIGHT - 8)]
    for stage in outlook.stages:
        for group in GROUPS:
            covers = group == "backbone" and stage.rates_agree
            kind = f"rate {group} covers" if covers else f"rate {group}"
            drawn.append(tag("path", d=axes.path(_points(stage, group)), class_=kind))
            drawn += [] if covers else _peak(axes, stage, group)
        for first, *_ in stage.phases():
            if first:
                drawn.append(
                    tag("path", d=f"M{axes.across(stage.place(first)):.1f} {TOP:g}V{axes.floor:g}", class_="reference")
                )
        drawn += _lanes(axes, stage)
    for lane, group in enumerate(GROUPS):
        drawn.append(tag("text", group, x=MARGIN - 6, y=_lane(axes, lane) + 12, text_anchor="end", class_="tick"))
    told = "Learning rate of head and backbone over the run: " + "; ".join(
        f"{s.plan.name}, {course(s.plan.table)}" for s in outlook.stages
    )
    svg = tag("svg", drawn, viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", role="img", aria_label=told)
    return tag("figure", tag("figcaption", tag("b", "Learning rate"), " by epoch"), svg, class_="chart wide")


def _points(stage: StageOutlook, group: str) -> list[tuple[float, float]]:
    """The rate at evenly spread steps, and at each where something changes; no number while frozen."""
    rates = stage.rates[group]
    every = max(1, len(rates) // _MOST_POINTS)
    chosen = {*range(0, len(rates), every), len(rates) - 1}
    chosen |= {step for moment in stage.moments for step in (moment.step - 1, moment.step) if step >= 0}
    found = [(stage.place(step), _nan_if_none(rates[step])) for step in sorted(chosen)]
    return [*found, (stage.place(len(rates)), found[-1][1])]


def _nan_if_none(rate: float | None) -> float:
    return float("nan") if rate is None else rate


def _peak(axes: Axes, stage: StageOutlook, group: str) -> list[Html]:
    """The highest rate of a group in its stage, written above its place where there is room."""
    rates = stage.rates[group]
    known = [step for step, rate in enumerate(rates) if rate is not None]
    if not known:
        return []
    step = max(known, key=lambda at: _nan_if_none(rates[at]))
    x, y = axes.across(stage.place(step)), axes.up(_nan_if_none(rates[step]))
    if axes.across(stage.place(stage.plan.steps)) - axes.across(stage.place(0)) < 60:
        return []
    early = step < stage.plan.steps / 2
    style = {"text_anchor": "start" if early else "end", "class_": f"peak halo {group}"}
    return [tag("text", short(_nan_if_none(rates[step])), x=x + (4 if early else -4), y=y - 6, **style)]


def _lanes(axes: Axes, stage: StageOutlook) -> list[Html]:
    """What is trained of each group, the stronger the more; faint and dashed if nothing is."""
    drawn = []
    whole = (0, stage.plan.steps, ALL if stage.trains_head else 0)
    for lane, phases in enumerate(([whole], list(stage.phases()))):
        for first, after, trained in phases:
            left, right = axes.across(stage.place(first)), axes.across(stage.place(after))
            strength = 1.0 if trained == ALL else min(0.25 * trained + 0.2, 0.85)
            style = {"class_": f"lane {GROUPS[lane]}", "opacity": strength} if trained else {"class_": "lane frozen"}
            at = _lane(axes, lane)
            drawn.append(tag("rect", x=left + 0.5, y=at, width=max(0.5, right - left - 1), height=LANE, rx=2, **style))
            words = backbone_words(trained)
            if len(words) * _GLYPH < right - left - 4:
                kind = "on" if trained and strength > 0.8 else "off"
                drawn.append(
                    tag("text", words, x=(left + right) / 2, y=at + 12, text_anchor="middle", class_=f"within {kind}")
                )
    return drawn


def _lane(axes: Axes, lane: int) -> float:
    return axes.floor + 22 + lane * (LANE + GAP)
