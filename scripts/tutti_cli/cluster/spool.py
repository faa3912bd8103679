"""Files in which jobs leave their runs, one a run, and what a job says about itself.

    spool/point-0003.repeat-02.json         a good run
    spool/point-0003.failed-JOB-1-1.json    a failed one: job, restart, number
    jobs/NAME.0.json                        a job's task: its id in Slurm, and how it ended

A file appears whole or not at all, and a name is taken once: of two runs of one repeat the first one counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..common import Failure
from ..study.model import Point
from ..study.store import Run, synchronise

SPOOL = "spool"


def write_whole(path: Path, text: str, *, replace: bool = True) -> bool:
    """Writes the file in one step; without replace, False where it is there already."""
    part = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")
    try:
        with part.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        if replace or not can_link(part, path):
            if not replace and path.exists():
                return False
            part.replace(path)
        synchronise(path.parent)
    except FileExistsError:
        return False
    except OSError as problem:
        raise Failure(f"cannot write {path}: {problem.strerror}") from problem
    finally:
        part.unlink(missing_ok=True)
    return True


def can_link(part: Path, path: Path) -> bool:
    """Gives the file its name unless that is taken (then raises); False where there are no hard links."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def point_of(about: Mapping[str, Any]) -> Point:
    options = {
        name: tuple(value) if isinstance(value, list) else value for name, value in about["options"].items()
    }
    return Point(about["ranks"], about["threads"], tuple(options.items()))


def about(point: Point) -> dict[str, Any]:
    return {"ranks": point.ranks, "threads": point.threads, "options": dict(point.options)}


class Spool:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, run: Run, point: Point, job: str) -> bool:
        """False where that repeat is there already; job makes the names of failed runs unique."""
        kind = f"failed-{job}" if run.failed else f"repeat-{run.repeat:02}"
        path = self.folder / f"point-{run.point:04}.{kind}.json"
        return write_whole(path, json.dumps({"point": about(point), "run": asdict(run)}), replace=False)

    def runs(self, points: Iterable[int] | None = None) -> Iterator[tuple[Path, Point, Run]]:
        """All that are there, or those of some points, in the order of their start."""
        names = ["point-*"] if points is None else [f"point-{point:04}.*" for point in points]
        found = []
        for path in (path for name in names for path in self.folder.glob(f"{name}.json")):
            try:
                entry = json.loads(path.read_text(encoding="utf-8"))
                found.append((path, point_of(entry["point"]), Run(**entry["run"])))
            except (OSError, ValueError, KeyError, TypeError) as problem:
                raise Failure(f"{path} is not a run that a job left: {problem}") from problem
        return iter(sorted(found, key=lambda one: one[2].started))


def key(run: Run) -> tuple[int, int, str]:
    """What tells runs apart."""
    return run.point, run.repeat, run.started
