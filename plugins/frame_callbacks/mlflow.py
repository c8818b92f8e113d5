"""MLflow, by its own client."""

from __future__ import annotations

import os
import re
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from frame_callbacks.tracker import Tracker, flat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frame.contracts.callback import RunInfo
    from frame_callbacks.sheet import Picture

METRICS, PARAMS, LENGTH = 1000, 100, 500  # the most that a server takes at once, and of a parameter's text
FOREIGN = re.compile(r"[^\w\-. /]")  # in a name, to every server


class Mlflow(Tracker):
    """A run in an experiment of an MLflow server, data base or folder. A resumed run goes on under the same id."""

    def __init__(
        self,
        *,
        tracking_uri: str | None = None,
        experiment: str = "frame",
        every: int = 10,
        images: int = 4,
    ) -> None:
        super().__init__(every=every, images=images)
        self.tracking_uri = tracking_uri
        self.experiment = experiment
        self._client: Any = None
        self._id = ""
        self._metrics: list[Any] = []

    @property
    def destination(self) -> str:
        return f"mlflow {self.tracking_uri or os.environ.get('MLFLOW_TRACKING_URI', '')} {self.experiment}"

    def open(self, run: RunInfo, known: str | None) -> str:
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # of 7, through which training would wait
        mlflow: Any = import_module("mlflow")
        client = mlflow.MlflowClient(self.tracking_uri)
        if known is None:
            found = client.get_experiment_by_name(self.experiment)
            experiment = found.experiment_id if found else client.create_experiment(self.experiment)
            known = client.create_run(experiment, run_name=run.name).info.run_id
            params = [
                mlflow.entities.Param(FOREIGN.sub("_", key), str(value)[:LENGTH])
                for key, value in flat(run.config).items()
            ]
            for first in range(0, len(params), PARAMS):
                client.log_batch(known, params=params[first : first + PARAMS])
        else:
            client.update_run(known, status="RUNNING")
        self._client, self._id = client, str(known)
        return self._id

    def write(self, figures: Mapping[str, float], global_step: int) -> None:
        metric, now = import_module("mlflow").entities.Metric, time.time_ns() // 1_000_000
        self._metrics += [metric(FOREIGN.sub("_", name), value, now, global_step) for name, value in figures.items()]

    def picture(self, picture: Picture, caption: str, global_step: int) -> None:
        self._client.log_image(self._id, picture, key="samples", step=global_step)

    def flush(self) -> None:
        metrics, self._metrics = self._metrics, []
        for first in range(0, len(metrics), METRICS):
            self._client.log_batch(self._id, metrics=metrics[first : first + METRICS])

    def close(self, *, ended: bool) -> None:
        self.flush()
        self._client.set_terminated(self._id, "FINISHED" if ended else "KILLED")
