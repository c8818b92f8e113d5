"""The schedule of a run as a picture: rates above, what is trained and what is frozen beneath."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

from frame.engine.outlook import ALL, backbone_words
from frame.plugin.errors import UserError
from frame.report.schedule_table import bounds, course, short, size

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter, MaxNLocator
except ImportError as error:
    raise UserError(f"a picture of the schedule needs matplotlib ({error}): pip install 'frame-seg[plot]'") from None

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from frame.engine.outlook import Outlook, StageOutlook

COLOURS = {"head": "#D55E00", "backbone": "#0072B2"}  # Okabe and Ito's (2008), for any colour vision
INK, QUIET, RULE, FROZEN, HATCH = "#222222", "#6b6b6b", "#c9c9c9", "#ececec", "#d4d4d4"
LINE = 2.2
DASHES = (0, (5, 5))  # of a line that lies on another, so that both are seen
LEFT, RIGHT, TOP, BOTTOM = 0.085, 0.975, 0.765, 0.09  # of the axes in the figure
ROOM = 0.05  # of the axes' height, under a line's end, for its rate


def draw(outlook: Outlook, path: Path) -> None:
    """Write the picture as a PNG file.

    Raises
    ------
    UserError
        If the file can't be written.
    """
    figure = Figure(figsize=(11, 5.8), facecolor="white")  # no pyplot: it would look for a screen and keep the figure
    FigureCanvasAgg(figure)
    margins = {"left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
    rates, lanes = figure.subplots(2, sharex=True, height_ratios=[6, 1], gridspec_kw={**margins, "hspace": 0.06})
    rates.set_xlim(0, outlook.epochs)
    for axes in (rates, lanes):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(RULE)
        axes.tick_params(which="both", colors=QUIET, length=0, labelsize=9)
    _draw_rates(rates, outlook)
    _draw_lanes(lanes, outlook)
    for number, stage in enumerate(outlook.stages, start=1):
        _draw_stage(rates, lanes, stage, number)
    figure.text(LEFT, 0.945, outlook.name, size=15, weight="bold", color=INK, parse_math=False)
    figure.text(LEFT, 0.905, f"{outlook.epochs:,} epochs, {outlook.steps:,} optimizer steps", size=10, color=QUIET)
    lines = [Line2D([], [], color=colour, linewidth=LINE, label=group) for group, colour in COLOURS.items()]
    figure.legend(handles=lines, loc="upper right", bbox_to_anchor=(RIGHT + 0.01, 0.985), ncols=2, frameon=False)
    try:
        figure.savefig(path, format="png", dpi=150)
    except OSError as error:
        raise UserError(f"cannot write the picture {path}: {error.strerror or error}") from None


def _draw_rates(axes: Axes, outlook: Outlook) -> None:
    lowest, peak = bounds(outlook)
    if lowest:
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(lowest, 1.8 * peak)
    else:
        axes.set_ylim(0, 1.15 * peak)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: short(rate)))
    axes.set_ylabel("learning rate", color=QUIET)
    axes.grid(axis="y", color=RULE, linewidth=0.5, alpha=0.7)
    for stage in outlook.stages:
        for group, colour in COLOURS.items():
            covers = group == "backbone" and stage.rates_agree
            rates = [nan if rate is None else rate for rate in stage.rates[group]]
            places = [stage.place(step) for step in range(len(rates) + 1)]
            dashes = DASHES if covers else "solid"
            axes.plot(places, [*rates, rates[-1]], color=colour, linewidth=LINE, linestyle=dashes, zorder=3)
            if not covers:
                _write_rates(axes, stage, group)


def _write_rates(axes: Axes, stage: StageOutlook, group: str) -> None:
    """The highest rate above its place on the line, and the last one under the line's end, where there is room."""
    rates = stage.known(group)
    if not rates:
        return
    span = (stage.place(0), stage.place(stage.plan.steps))
    highest = max(range(len(rates)), key=rates.__getitem__)
    peak = stage.place(stage.plan.steps - len(rates) + highest)
    side, shift = ("left", 3) if peak < sum(span) / 2 else ("right", -3)
    style: dict[str, Any] = {"size": 8.5, "color": COLOURS[group], "zorder": 4}
    _fitted(axes, span, (peak, rates[highest]), [short(rates[highest])], (shift, 6), ha=side, **style)
    height = axes.transAxes.inverted().transform(axes.transData.transform((span[1], rates[-1])))[1]
    if rates[-1] < rates[highest] and height > ROOM:
        _fitted(axes, span, (span[1], rates[-1]), [short(rates[-1])], (-3, -5), ha="right", va="top", **style)


def _draw_lanes(axes: Axes, outlook: Outlook) -> None:
    axes.set_ylim(-0.55, 1.5)
    axes.set_yticks([0, 1], ["backbone", "head"])
    axes.set_xlabel("epoch", color=QUIET)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 5, 10], integer=True))
    for stage in outlook.stages:
        for first, after, trained in stage.phases():
            strength = 1.0 if trained == ALL else min(0.2 * trained + 0.3 * (trained > 0), 0.85)
            _draw_bar(axes, 0, (stage.place(first), stage.place(after)), backbone_words(trained), strength)
        whole = stage.place(0), stage.place(stage.plan.steps)
        _draw_bar(axes, 1, whole, "all" if stage.trains_head else "frozen", float(stage.trains_head))


def _draw_bar(axes: Axes, lane: int, span: tuple[float, float], words: str, strength: float) -> None:
    """A stretch of a lane, the stronger the more is trained; hatched if nothing is."""
    left, right = span
    if strength:
        axes.barh(lane, right - left, 0.8, left, color=COLOURS["head" if lane else "backbone"], alpha=strength)
    else:
        axes.barh(lane, right - left, 0.8, left, color=FROZEN, edgecolor=HATCH, hatch="////", linewidth=0)
    colour = QUIET if not strength else "white" if strength > 0.8 else INK
    _fitted(axes, span, (sum(span) / 2, lane), [words], va="center", color=colour, size=8.5)


def _draw_stage(rates: Axes, lanes: Axes, stage: StageOutlook, number: int) -> None:
    """Name a stage, part it from the one before, and mark where more of the backbone joins."""
    span, top = (stage.place(0), stage.place(stage.plan.steps)), rates.get_ylim()[1]
    if number > 1:
        for axes in (rates, lanes):
            axes.axvline(span[0], color=INK, linewidth=1.0)
    for first, *_ in stage.phases():
        if first:
            rates.axvline(stage.place(first), color=QUIET, linewidth=0.8, linestyle=(0, (2, 3)))
    at, told = (sum(span) / 2, top), course(stage.plan.table)
    _fitted(rates, span, at, [stage.plan.name, str(number)], (0, 33), weight="bold", size=11, color=INK)
    _fitted(rates, span, at, [size(stage)], (0, 20), size=8.5, color=QUIET)
    _fitted(rates, span, at, [told, told.partition(",")[0]], (0, 8), size=8.5, color=QUIET)


def _fitted(
    axes: Axes,
    span: tuple[float, float],
    at: tuple[float, float],
    texts: Sequence[str],
    shift: tuple[float, float] = (0, 0),
    **style: Any,
) -> None:
    """Write the first text that is no wider than ``span``, ``shift`` points away from ``at``."""
    left, right = (axes.transData.transform((place, at[1]))[0] for place in span)
    style = {"ha": "center", "textcoords": "offset points", **style}
    for text in texts:
        artist = axes.annotate(text, at, shift, annotation_clip=False, parse_math=False, **style)
        if artist.get_window_extent().width < right - left - 4:
            return
        artist.remove()
