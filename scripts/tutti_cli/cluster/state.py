"""cluster.json: the jobs of a study that were submitted. It is written before and after each sbatch.

A job without an id was about to be submitted when the command ended. Its name is its own, so that Slurm can
be asked whether it has it: no job is submitted twice, and none is forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..common import Failure
from .spool import write_whole

NAME = "cluster.json"
VERSION = 1


@dataclass
class Entry:
    name: str  # in Slurm; the same for no other job
    label: str
    nodes: int
    tasks: list[list[int]]  # numbers of points
    before: dict[int, int]  # good runs of each point when the job was made
    submitted: str  # date and time
    id: str = ""
    state: str = ""  # in Slurm, when last asked
    ended: bool = False

    @property
    def points(self) -> list[int]:
        return [point for task in self.tasks for point in task]


@dataclass
class State:
    file: Path
    jobs: list[Entry] = field(default_factory=list)

    @property
    def live(self) -> list[Entry]:
        return [job for job in self.jobs if not job.ended]

    def save(self) -> None:
        text = json.dumps({"version": VERSION, "jobs": [asdict(job) for job in self.jobs]}, indent=1)
        write_whole(self.file, text + "\n")

    def tries(self, point: int, good: int) -> int:
        """The jobs in a row that had this point and ended, not by `cancel`, without a new good run of it."""
        return sum(
            job.ended and job.state != "CANCELLED" and job.before.get(point) == good for job in self.jobs
        )


def entry(found: Mapping[str, Any]) -> Entry:
    return Entry(**{**found, "before": {int(point): good for point, good in found["before"].items()}})


def load(folder: Path) -> State:
    file = folder / NAME
    if not file.is_file():
        return State(file)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["version"] != VERSION:
            raise ValueError(f"version {found['version']}")
        return State(file, [entry(job) for job in found["jobs"]])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise Failure(f"{file} cannot be used: {problem}") from problem


def refuse_if_live(folder: Path) -> None:
    """For those who measure here: jobs give their runs numbers too."""
    live = load(folder).live
    if live:
        ids = ", ".join(job.id or job.name for job in live)
        raise Failure(
            f"jobs of this study are in the queue of the cluster ({ids}): "
            f"`tutti study collect {folder}` once they have ended, or `tutti study cancel {folder}`"
        )
