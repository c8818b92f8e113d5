"""The best, the median and the worst validation images, with mask, prediction and errors."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from frame.data.colours import CLASS_COLOURS
from frame.data.verdicts import VERDICT_COLOURS
from frame.report.page.markup import Html, Section, breakable, number, plural, section, tag
from frame.report.page.pictures import SIDE

if TYPE_CHECKING:
    from pathlib import Path

    from frame.report.page.pictures import Shot
    from frame.report.page.record import RunRecord
    from frame.report.page.revisit import Revisit

PANELS = ("image", "mask", "prediction", "errors")
BUDGET = 1_900_000  # characters of all pictures of this section
SIDES = (SIDE, 224, 176, 128, 96)
SHEET = ("samples/best.png", "samples/last.png")
MOST_SHEET = 1_500_000  # bytes of a picture that is taken as it is
LEAST = 0.0005  # of the pixels, from which an error is told
_MOST_CLASSES = 40


def images(record: RunRecord, found: Revisit | None, why: str, each: int) -> Section:
    """Three rows of cards; without the data, the sheet that the run has drawn, and why."""
    if found is None:
        return section("images", "Images", *_from_disk(record, why))
    if not found.shots:
        return section("images", "Images", tag("p", "No validation image could be read.", class_="note"))
    groups = picked(found.ranked(), each)
    told = (
        f"Of {plural(len(found.shots), 'validation image')}, by the {found.score} of each alone, "
        f"predicted for this page by checkpoint {found.checkpoint.name} with {_weights(found)}."
    )
    unranked = len(found.shots) - len(found.ranked())
    if unranked:
        told += f" {plural(unranked, 'image')} without an object can't be ranked."
    cards = {name: [(shot, shot.panels()) for shot in shots] for name, shots in groups.items()}
    for side in SIDES[1:]:
        if sum(len(uri) for row in cards.values() for _, panels in row for uri in panels.values()) <= BUDGET:
            break
        cards = {name: [(shot, shot.panels(side)) for shot in shots] for name, shots in groups.items()}
    return section(
        "images",
        "Images",
        tag("p", told, class_="lead"),
        legend(several=bool(found.classes)),
        class_legend(found.classes) if found.classes else None,
        [
            part
            for name, row in cards.items()
            if row
            for part in (
                tag("h3", name),
                tag("div", [card(shot, panels, found.score) for shot, panels in row], class_="cards"),
            )
        ],
    )


def picked(ranked: list[Shot], each: int) -> dict[str, list[Shot]]:
    """``each`` of the best, of the middle, and of the worst, no image twice."""
    each = min(each, max(1, len(ranked) // 3))
    best, worst = ranked[:each], ranked[each:][-each:][::-1]
    rest = ranked[each : max(each, len(ranked) - each)]
    middle = rest[max(0, (len(rest) - each) // 2) :][:each]
    return {"Best": best, "Median": middle, "Worst": worst}


def card(shot: Shot, panels: dict[str, str], score: str) -> Html:
    """One image in four pictures, with what is wrong in words."""
    verdicts = {name: share for name, share in shot.shares.items() if name != "found" and share >= LEAST}
    told = ", ".join(f"{name} {share:.1%}" for name, share in verdicts.items()) or "no error"
    alts = {
        "image": f"Validation image {shot.id}",
        "mask": f"Its mask: {shot.area:.1%} of the pixels are object",
        "prediction": f"What was predicted for {shot.id}, {score} {number(shot.score, 3)}",
        "errors": f"Errors as shares of all pixels: {told}",
    }
    drawn = [tag("div", tag("img", src=panels[name], alt=alts[name]), tag("span", name)) for name in PANELS]
    caption = tag(
        "figcaption",
        tag("b", breakable(shot.id)),
        tag("span", f"{score} {number(shot.score, 3)}", class_="score"),
        tag("span", told, class_="told"),
    )
    return tag(
        "figure",
        caption,
        tag("div", drawn, class_="panels", style=f"--ratio:{shot.size[0] / shot.size[1]:.3f}"),
        class_="card",
    )


def legend(*, several: bool) -> Html:
    """What the colours of the errors mean."""
    words = {
        "found": "found: object in both mask and prediction",
        "false alarm": "false alarm: predicted, not in the mask (false positive)",
        "missed": "missed: in the mask, not predicted (false negative)",
        "wrong class": "wrong class: object of another class",
    }
    shown = [name for name in VERDICT_COLOURS if several or name != "wrong class"]
    return tag("ul", [tag("li", swatch(VERDICT_COLOURS[name]), words[name]) for name in shown], class_="legend")


def class_legend(classes: tuple[str, ...]) -> Html:
    """The colour of each class in masks and predictions."""
    items = [tag("li", swatch(colour(index)), name) for index, name in enumerate(classes[:_MOST_CLASSES])]
    rest = f"and {len(classes) - _MOST_CLASSES} more" if len(classes) > _MOST_CLASSES else None
    return tag("ul", items, tag("li", rest) if rest else None, class_="legend", aria_label="Colours of the classes")


def swatch(colour: tuple[int, int, int]) -> Html:
    """A little square of a colour."""
    return tag("span", class_="swatch", style=f"background:rgb{colour}".replace(" ", ""))


def stored(path: Path) -> str | None:
    """A PNG file of the run as a data URI, if it is there and small enough."""
    if not path.is_file() or path.stat().st_size > MOST_SHEET:
        return None
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def colour(index: int) -> tuple[int, int, int]:
    """Of a class in masks and predictions."""
    red, green, blue = (int(value) for value in CLASS_COLOURS[index])
    return red, green, blue


def _weights(found: Revisit) -> str:
    return "the average of the weights (EMA)" if found.weights == "ema" else "the raw weights"


def _from_disk(record: RunRecord, why: str) -> list[Html]:
    note = tag("p", f"The images of this section could not be predicted anew: {why}", class_="note")
    for name in SHEET:
        if (uri := stored(record.folder / name)) is not None:
            alt = "The first validation images in columns: image, mask, prediction, and errors in colour"
            about = (
                "What the run itself has drawn: the first validation images, after the "
                + ("best" if "best" in name else "last")
                + " epoch."
            )
            return [
                note,
                tag("p", about, class_="lead"),
                tag("div", tag("img", src=uri, alt=alt), class_="scroll sheet", tabindex="0"),
            ]
    return [note, tag("p", "The run has drawn no samples of its own.", class_="note")]
