"""What a tracker has been told of a run, read back from where its library has put it."""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    Point = tuple[str, int, float]

TRACKERS = ("tensorboard", "wandb", "mlflow")


@dataclass
class Told:
    """Of all runs that the tracker knows."""

    points: list[Point] = field(default_factory=list)
    """(figure, step, value), sorted."""
    pictures: list[int] = field(default_factory=list)
    """Steps that have samples, sorted."""
    ids: set[str] = field(default_factory=set)
    """Of its runs."""
    config: dict[str, Any] = field(default_factory=dict)
    """Settings as text, by dotted keys."""
    status: str = ""

    def of(self, name: str) -> dict[int, float]:
        return {step: value for figure, step, value in self.points if figure == name}


def needed(tracker: str) -> None:
    """Skip a test if the tracker's library is not there."""
    pytest.importorskip(tracker, reason=f"{tracker} is not installed: pip install 'frame-seg[{tracker}]'")


def options(tracker: str, base: Path, experiment: str = "frame") -> dict[str, Any]:
    """The callback's table, so that nothing leaves this machine. In ``base`` is mlflow's data base."""
    own = {
        "wandb": {"mode": "offline"},
        "mlflow": {"tracking_uri": f"sqlite:///{base}/mlflow.db", "experiment": experiment},
    }
    return {"name": tracker, **own.get(tracker, {})}


def read(run_folder: Path, table: dict[str, Any]) -> Told:
    """What a callback with these options has told of the run in a folder."""
    told = {"tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow}[table["name"]](run_folder, table)
    told.points.sort()
    told.pictures.sort()
    return told


def _tensorboard(run_folder: Path, _table: Any) -> Told:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    events = EventAccumulator(str(run_folder / "tensorboard"), {"scalars": 0, "images": 0, "tensors": 0}).Reload()
    tags = events.Tags()
    told = Told(ids={"tensorboard"})
    told.points = [(name, point.step, point.value) for name in tags["scalars"] for point in events.Scalars(name)]
    told.pictures = [point.step for name in tags["images"] for point in events.Images(name)]
    for name in tags["tensors"]:
        text = events.Tensors(name)[0].tensor_proto.string_val[0].decode()
        told.config = dict(line.strip().split(" = ", 1) for line in text.splitlines())
    return told


def _wandb(run_folder: Path, _table: Any) -> Told:
    """What its own process has written once it has written the end of each part."""
    from wandb.proto import wandb_internal_pb2

    told, deadline = Told(), time.monotonic() + 20
    for path in sorted((run_folder / "wandb").glob("offline-run-*/*.wandb")):
        told.status = ""
        while not told.status:
            assert time.monotonic() < deadline, f"{path} has no end"
            records = [wandb_internal_pb2.Record.FromString(data) for data in _records(path.read_bytes())]
            ends = [record.exit.exit_code for record in records if record.HasField("exit")]
            told.status = "KILLED" if any(ends) else "FINISHED" if ends else ""
        for record in records:
            if record.HasField("run"):
                told.ids.add(record.run.run_id)
                settings = {(each.key or each.nested_key[0]): each.value_json for each in record.run.config.update}
                told.config |= _flat({key: json.loads(text) for key, text in settings.items()})
            for item in record.history.item:
                name, step = item.key or "/".join(item.nested_key), record.history.step.num
                if name == "samples/_type":
                    told.pictures.append(step)
                elif not name.startswith(("_", "samples/")):
                    told.points.append((name, step, json.loads(item.value_json)))
    return told


def _records(data: bytes) -> list[bytes]:
    """Those of a log in LevelDB's form: blocks of 32 KiB with parts of records, each behind a head of 7 bytes."""
    found, at = [b""], 7
    while at + 7 <= len(data):
        if 0x8000 - at % 0x8000 < 7:
            at += 0x8000 - at % 0x8000
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        found[-1] += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            found.append(b"")
    return found[:-1]


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found = {}
    for key, value in table.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: str(value)}
    return found


def _mlflow(_run_folder: Path, table: Any) -> Told:
    from mlflow import MlflowClient

    client = MlflowClient(table["tracking_uri"])
    told = Told()
    for run in client.search_runs([client.get_experiment_by_name(table["experiment"]).experiment_id]):
        told.ids.add(run.info.run_id)
        for name in run.data.metrics:
            told.points += [(name, each.step, each.value) for each in client.get_metric_history(run.info.run_id, name)]
        paths = [each.path for each in client.list_artifacts(run.info.run_id, "images")]
        told.pictures += [int(re.split("[%+]", path)[2]) for path in paths if path.endswith("png")]
        told.config |= run.data.params
        told.status = run.info.status
    return told
