"""Making a config that ships small, by --set."""

from __future__ import annotations

SMALL = {
    "data.size": 32,
    "data.workers": 0,
    "stages.main.epochs": 1,
    "stages.main.batch_size": 4,
    "stages.main.warmup": 0,
}


def overrides(settings: dict[str, object]) -> list[str]:
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
