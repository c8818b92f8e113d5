"""Figures of data sets as tables: for a terminal, for other programs, for a paper."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING

from frame.contracts.jsonable import jsonable
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from frame.engine.inference.evaluate import Evaluation

Row = tuple[str, int, dict[str, float]]

_LATEX = {
    "s": r"$S_\alpha\uparrow$",
    "e_mean": r"$E_\phi^{mean}\uparrow$",
    "e_max": r"$E_\phi^{max}\uparrow$",
    "e_adaptive": r"$E_\phi^{adp}\uparrow$",
    "f_mean": r"$F_\beta^{mean}\uparrow$",
    "f_max": r"$F_\beta^{max}\uparrow$",
    "f_adaptive": r"$F_\beta^{adp}\uparrow$",
    "wf": r"$F_\beta^w\uparrow$",
    "mae": r"$M\downarrow$",
    "iou": r"IoU$\uparrow$",
    "dice": r"Dice$\uparrow$",
}
_SPECIAL = {each: f"\\{each}" for each in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\^{}",
}


def rows(evaluation: Evaluation) -> Iterator[Row]:
    """Each data set with its number of images and its figures, its groups beneath it, indented."""
    for name, scores in evaluation.rows.items():
        yield name, len(scores.images), scores.figures
        for group, figures in scores.groups.items():
            rest = {key: value for key, value in figures.items() if key != "images"}
            yield f"  {group}", int(figures["images"]), rest


def columns(evaluation: Evaluation) -> list[str]:
    """Names of all figures that some row has."""
    return list(dict.fromkeys(name for _, _, figures in rows(evaluation) for name in figures))


def as_lines(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Rows of cells for a terminal, four digits each."""
    names = columns(evaluation)
    cells = [
        (label, str(images), *(f"{figures[name]:.4f}" if name in figures else "-" for name in names))
        for label, images, figures in rows(evaluation)
    ]
    return [("data", "images", *names), *cells]


def as_json(evaluation: Evaluation) -> str:
    """All figures, groups and what was measured."""
    table = {name: scores.plain() for name, scores in evaluation.rows.items()}
    return json.dumps(jsonable({**evaluation.about, "data": table}), indent=2, allow_nan=False)


def as_csv(evaluation: Evaluation) -> str:
    """A row a data set, and one for each of its groups."""
    names = columns(evaluation)
    found = [[label, images, *(_cell(figures, name) for name in names)] for label, images, figures in rows(evaluation)]
    return _csv([["data", "images", *names], *found])


def images_as_csv(evaluation: Evaluation) -> str:
    """A row an image."""
    scored = [
        (label, image, figures) for label, scores in evaluation.rows.items() for image, figures in scores.images.items()
    ]
    names = list(dict.fromkeys(name for _, _, figures in scored for name in figures))
    found = [[label, image, *(_cell(figures, name) for name in names)] for label, image, figures in scored]
    return _csv([["data", "image", *names], *found])


def as_latex(evaluation: Evaluation) -> str:
    """A ``tabular`` with three digits and no leading zero, as the field prints them; needs ``booktabs``."""
    names = columns(evaluation)
    lines = [
        rf"\begin{{tabular}}{{l{'c' * len(names)}}}",
        r"\toprule",
        " & ".join(["Data", *(_LATEX.get(name, _escaped(name)) for name in names)]) + r" \\",
        r"\midrule",
    ]
    for label, _, figures in rows(evaluation):
        indent = r"\quad " if label.startswith(" ") else ""
        cells = [_three_digits(figures[name]) if name in figures else "--" for name in names]
        lines.append(" & ".join([indent + _escaped(label.strip()), *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def write(evaluation: Evaluation, folder: Path) -> dict[str, Path]:
    """Write all forms into ``folder``; returns what lies where.

    Raises
    ------
    UserError
        If it can't be written.
    """
    forms = {
        "eval.json": as_json(evaluation),
        "eval.csv": as_csv(evaluation),
        "eval.tex": as_latex(evaluation),
        "images.csv": images_as_csv(evaluation),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in forms.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(f"cannot write into {folder}: {error.strerror or error}; choose another with -o DIR") from None
    return {name: folder / name for name in forms}


def _three_digits(value: float) -> str:
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text  # 10.25 keeps its nought


def _cell(figures: dict[str, float], name: str) -> str:
    value = figures.get(name, math.nan)
    return repr(value) if math.isfinite(value) else ""


def _csv(cells: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(cells)
    return text.getvalue()


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(each, each) for each in text)
