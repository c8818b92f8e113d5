"""What each expert saw: how much each is used, what is lost without it, and the images it is surest of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from frame.report.page.images import stored
from frame.report.page.markup import NONE, Html, Section, number, section, table, tag
from frame.report.page.missed_experts import ERRORS, PARTS, SURE
from frame.report.page.pictures import jpeg, small

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from frame.report.page.missed_experts import Change, Lost
    from frame.report.page.pictures import Shot
    from frame.report.page.record import RunRecord
    from frame.report.page.revisit import Revisit

LOW, HIGH = 0.3, 3.0
"""Utilization between them is healthy: 1 is an even share."""
EACH = 6
HEIGHT = 112  # pixels of an expert's image
MINUS = "\N{MINUS SIGN}"
FOLDER, TABLE, PICTURE = "experts", "experts.md", "experts.png"


def experts(record: RunRecord, found: Revisit | None) -> Section | None:
    """Nothing for a head without experts."""
    if found is not None and found.loads:
        used = {level: utilization(load) for level, load in found.loads.items()}
        names = list(found.experts)
        parts = [_heat(names, used), *_missed(found.lost), *_images(found)]
    elif (read := _table(record)) is not None:
        names, used = read
        parts = [_heat(names, used)]
        if uri := stored(record.folder / FOLDER / PICTURE):
            alt = "A row for each expert: the images for which the router gave it the highest probability"
            parts.append(tag("div", tag("img", src=uri, alt=alt), class_="scroll sheet", tabindex="0"))
    else:
        return None
    return section("experts", "Experts", _told(names, used), *parts)


def utilization(load: npt.NDArray[np.int64]) -> list[float]:
    """Each expert's load over an even share of it."""
    total = int(load.sum())
    return [float(count) * len(load) / total if total else math.nan for count in load]


def _told(names: list[str], used: dict[str, list[float]]) -> Html:
    means = {name: _mean(values) for name, values in zip(names, zip(*used.values(), strict=True), strict=True)}
    means = {name: value for name, value in means.items() if math.isfinite(value)}
    odd = [f"{name} ({value:.2f})" for name, value in means.items() if not LOW <= value <= HIGH]
    text = (
        f"Utilization is an expert's share of the validation images over an even share, at each level, finest first. "
        f"{len(means) - len(odd)} of {len(means)} experts are between {LOW:g} and {HIGH:g} in the mean over levels"
    )
    return tag("p", text + (f"; not so {', '.join(odd)}." if odd else "."), class_="lead")


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _heat(names: list[str], used: dict[str, list[float]]) -> Html:
    rows = []
    for name, values in zip(names, zip(*used.values(), strict=True), strict=True):
        rows.append([name, *map(_cell, values), _cell(_mean(values), judged=True)])
    head = ["expert", *(f"level {level}" for level in used), "mean"]
    key = tag(
        "p",
        f"✓ between {LOW:g} and {HIGH:g}; ▾ hardly used, below {LOW:g}; ▴ far more than its share, above {HIGH:g}. "
        "Blue is less than an even share, orange more. At one level an expert may be at home, and idle at another.",
        class_="legend",
    )
    return tag("div", table("Utilization of each expert by level; 1 is an even share", head, rows), key)


def _cell(value: float, *, judged: bool = False) -> Html:
    if not math.isfinite(value):
        return tag("td", NONE)
    strength = min(1.0, abs(math.log(max(value, 0.05))) / math.log(4)) * 50
    colour = "--less" if value < 1 else "--more"
    style = f"background:color-mix(in srgb,var({colour}) {strength:.0f}%,transparent)"
    if not judged:
        return tag("td", f"{value:.2f}", class_="heat", style=style)
    mark = "▾" if value < LOW else "▴" if value > HIGH else "✓"
    kind = "heat" if mark == "✓" else "heat odd"
    return tag("td", f"{value:.2f}", tag("span", f" {mark}", class_="sign"), class_=kind, style=style)


def _missed(lost: list[Lost]) -> list[Html]:
    """A table for each figure, the expert that is missed most first."""
    known = [each for each in lost if math.isfinite(each.values[""]) and len(each.values) > 1]
    if not known:
        return []
    names = [name for name in known[0].changes if math.isfinite(known[0].values[name])]
    spared = [name for name in names if not any(each.misses(name) for each in known)]
    told = (
        "How a figure changes when an expert may not be chosen: in the mean over images, and over the quarters of them "
        "that the expert has most weight on, that have the smallest objects and the largest. After the sign, the "
        f"standard error of such a mean; a change of more than {ERRORS} times that, over {SURE} images or more, is "
        f"bold. {len(names) - len(spared)} of {len(names)} experts are missed by a figure in bold"
    )
    told += f"; not so {', '.join(spared)}." if spared else "."
    return [tag("h3", "What is lost without each"), tag("p", told, class_="lead"), *map(_without, known)]


def _without(lost: Lost) -> Html:
    whole = lost.values[""]
    changes = {name: value - whole for name, value in lost.values.items() if name and math.isfinite(value)}
    order = sorted(changes, key=changes.__getitem__, reverse=lost.lower_is_better)
    rows: list[list[Html | str]] = [["none", number(whole), NONE, *(NONE for _ in PARTS)]]
    rows += [[name, number(lost.values[name]), *map(_change, lost.changes[name].values())] for name in order]
    caption = f"{lost.figure} on {lost.images} images"
    return table(caption, ["switched off", lost.figure, "change", *PARTS], rows)


def _change(change: Change) -> Html | str:
    if not math.isfinite(change.mean):
        return NONE
    text = f"{change.mean:+.4f}".replace("-", MINUS)
    if math.isfinite(change.error):
        text += f" ± {change.error:.4f}"
    return tag("td", tag("b", text)) if change.is_sure else text


def _images(found: Revisit) -> list[Html]:
    by_id = {shot.id: shot for shot in found.shots}
    rows = []
    for index, expert in enumerate(found.experts):
        taken = sorted(
            ((float(each[index]), name) for name, each in found.routed.items() if each[index] > 0),
            key=lambda pair: (-pair[0], pair[1]),
        )
        drawn = [_picture(by_id[name], weight, expert) for weight, name in taken[:EACH] if name in by_id]
        rows.append(
            tag(
                "div",
                tag("h4", expert),
                tag("div", drawn, class_="strip") if drawn else tag("p", "chosen for no image", class_="note"),
                class_="expert",
            )
        )
    told = (
        "The images for which the router, in the mean over levels, gave an expert the highest weight, of those that it "
        "worked on."
    )
    return (
        [tag("h3", "What each is chosen for"), tag("p", told, class_="lead"), tag("div", rows, class_="album")]
        if found.routed
        else []
    )


def _picture(shot: Shot, weight: float, expert: str) -> Html:
    pixels = shot.pixels
    width = min(max(1, round(pixels.shape[1] * HEIGHT / pixels.shape[0])), 2 * HEIGHT)
    alt = f"{shot.id}: weight {weight:.2f} for {expert}"
    return tag(
        "figure",
        tag("img", src=jpeg(small(pixels, (width, HEIGHT))), alt=alt),
        tag("figcaption", f"{weight:.2f}"),
    )


def _table(record: RunRecord) -> tuple[list[str], dict[str, list[float]]] | None:
    """The utilization that the callback ``experts`` wrote for the best epoch."""
    path = record.folder / FOLDER / TABLE
    if not path.is_file():
        return None
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    try:
        levels = [cell.removeprefix("level ") for cell in rows[0][1:-1]]
        used = {level: [float(row[1 + at]) for row in rows[2:]] for at, level in enumerate(levels)}
    except (IndexError, ValueError):
        used = {}
    if not any(used.values()):
        record.missing.append(f"{FOLDER}/{TABLE} is not the table that the callback experts writes; left out")
        return None
    return [row[0] for row in rows[2:]], used
