"""The share of a job: all that it needs to measure its points, in one JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..common import Failure
from ..launch import Allocation
from ..study.model import Point, Repeats
from .spool import about, point_of


@dataclass(frozen=True)
class Share:
    name: str  # of the job
    folder: Path  # of the study
    directory: Path  # in which the app runs, as `study run` would have been called there
    program: Path
    mpi: bool
    allocation: Allocation
    seed: int
    repeats: Repeats
    time_s: int  # of the job
    restarts: int
    tasks: tuple[tuple[int, ...], ...]
    points: Mapping[int, Point]
    times: Mapping[int, tuple[float, ...]]  # of the runs that were there when the job was made
    used_s: float  # wall time of those

    def text(self) -> str:
        rule = asdict(self.repeats)
        rule["budget_s"] = None if math.isinf(self.repeats.budget_s) else self.repeats.budget_s
        found = {
            **{name: getattr(self, name) for name in ("name", "mpi", "seed", "time_s", "restarts", "used_s")},
            "folder": str(self.folder),
            "directory": str(self.directory),
            "program": str(self.program),
            "allocation": asdict(self.allocation),
            "repeats": rule,
            "tasks": self.tasks,
            "points": {number: about(point) for number, point in self.points.items()},
            "times": self.times,
        }
        return json.dumps(found)


def read(file: Path) -> Share:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        rule, allocation = found["repeats"], found["allocation"]
        rule["budget_s"] = math.inf if rule["budget_s"] is None else rule["budget_s"]
        return Share(
            **{name: found[name] for name in ("name", "mpi", "seed", "time_s", "restarts", "used_s")},
            folder=Path(found["folder"]),
            directory=Path(found["directory"]),
            program=Path(found["program"]),
            allocation=Allocation(**{**allocation, "options": tuple(allocation["options"])}),
            repeats=Repeats(**rule),
            tasks=tuple(tuple(task) for task in found["tasks"]),
            points={int(number): point_of(point) for number, point in found["points"].items()},
            times={int(number): tuple(times) for number, times in found["times"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise Failure(f"{file} is not the share of a job: {problem}") from problem
