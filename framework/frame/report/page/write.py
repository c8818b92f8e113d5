"""``frame report``: from a run folder to one HTML file."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.resources import files
from typing import TYPE_CHECKING

from frame.plugin.errors import UserError
from frame.plugin.host import own_version
from frame.report.page import classes, curves, experts, headline, images, notices, origin, schedule
from frame.report.page.markup import Html, tag
from frame.report.page.record import read_run
from frame.report.page.revisit import revisit

if TYPE_CHECKING:
    from pathlib import Path

    from frame.plugin.catalog import Catalog
    from frame.report.page.markup import Section
    from frame.report.page.record import RunRecord
    from frame.report.page.revisit import Revisit

FILE = "report.html"
IMAGES = 4
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"  # nothing is fetched
)
_HERE = "frame.report.page"


def write_report(
    folder: Path, plugins: Catalog, file: Path | None = None, data: Path | None = None, each: int = IMAGES
) -> Path:
    """Write the page of a run; returns its path, ``folder/report.html`` if no other is given.

    ``data`` is where the data set lies now, if no more where the config says; ``each`` how many of the best, median
    and worst images are shown.

    Raises
    ------
    UserError
        If there is no such run, or the file can't be written.
    """
    record = read_run(folder)
    found, why = None, ""
    try:
        found = revisit(folder, plugins, data, lower_is_better=record.lower_is_better)
    except UserError as error:
        why = str(error)
    text = page(record, found, why, each)
    path = file or folder / FILE
    _write(path, text)
    return path


def page(record: RunRecord, found: Revisit | None, why: str, each: int) -> str:
    """The whole page; ``why`` there is no ``found``."""
    sections = [
        headline.figures(record),
        images.images(record, found, why, each),
        classes.classes(record),
        curves.curves(record),
        experts.experts(record, found),
        schedule.schedule(record),
        notices.notices(record, found),
        origin.origin(record),
    ]
    shown = [each for each in sections if each]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", f"{record.name} · Frame"),
        tag("style", _own("style.css")),
    )
    foot = tag(
        "footer", f"Written by frame-seg {own_version()}, 'frame report'. It needs no network and no other file."
    )
    body = tag(
        "body",
        headline.title(record),
        _links(shown),
        tag("main", [each.body for each in shown]),
        foot,
        tag("script", _own("script.js")),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _links(sections: list[Section]) -> Html:
    """Anchors to the sections that are there."""
    return tag("nav", [tag("a", each.title, href=f"#{each.key}") for each in sections], aria_label="Sections")


def _own(name: str) -> Html:
    return Html(files(_HERE).joinpath(name).read_text(encoding="utf-8"))


def _write(path: Path, text: str) -> None:
    """Under another name first, so that a page that is open is never half of one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.writing")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; choose another place with -o FILE.html"
        ) from None
