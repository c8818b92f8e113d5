"""What a person should know of a run: what was skipped, what could not be read, what was warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame.report.page.markup import Html, Section, plural, section, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame.report.page.record import RunRecord
    from frame.report.page.revisit import Revisit

WARNING, ADVICE = "warning", "advice"
MOST = 40  # lines of a kind, the rest are counted


def notices(record: RunRecord, found: Revisit | None) -> Section:
    """Lists by kind, or that there is nothing to tell."""
    lines = list(dict.fromkeys(line for start in record.starts for line in start.get("lines", ())))
    skipped = int(record.result.get("skipped_steps") or 0)
    unreadable = list(record.result.get("unreadable") or [])
    told = dict(reversed([(text, epoch) for epoch, text in record.notices]))  # when each was told first
    named = {text for text in told if any(text.endswith(each) for each in unreadable)}
    kinds: dict[str, Sequence[str]] = {
        "Warnings of the config": [line.removeprefix(WARNING).strip() for line in lines if line.startswith(WARNING)],
        "Steps": [f"{plural(skipped, 'step')} skipped, because a loss or gradient was not finite"] if skipped else [],
        "Files that can't be read": list(dict.fromkeys([*unreadable, *(found.unreadable if found else ())])),
        "While it ran": [f"epoch {epoch}: {text}" for text, epoch in reversed(told.items()) if text not in named],
        "Advice": [line.removeprefix(ADVICE).strip() for line in lines if line.startswith(ADVICE)],
        "About this page": list(dict.fromkeys(record.missing)),
    }
    if len(record.starts) > 1:
        kinds["While it ran"] = [
            f"started {len(record.starts)} times: it was stopped and resumed",
            *kinds["While it ran"],
        ]
    shown = [
        part for title, found_lines in kinds.items() if found_lines for part in (tag("h3", title), _list(found_lines))
    ]
    return section(
        "notices", "Notices", shown or tag("p", "Nothing: no step was skipped, every file could be read, no warnings.")
    )


def _list(lines: Sequence[str]) -> Html:
    rest = [tag("li", f"and {len(lines) - MOST:,} more")] if len(lines) > MOST else []
    return tag("ul", [tag("li", line) for line in lines[:MOST]], rest, class_="notices")
