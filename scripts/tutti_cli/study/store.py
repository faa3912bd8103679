"""The one HDF5 file of a study, study.h5. Needs h5py.

    /study    text: the study file
    /points   table, one row a point: name, ranks, threads, options (JSON), work
    /runs     table, one row a run, in the order in which they ran:
                point        row of /points
                repeat       number among the good runs of its point, from 1; 0 for a run that failed
                started      date and time with the zone, ISO 8601
                wall_s       of the whole command
                time_s       seconds per iteration, the app's median, or METG(50 %) of a sweep; NaN for a run
                             that failed
                status       exit status of the command: 0 verified, 1 not verified, else failed
                failed       true where there is no result
                verified     true where the app checked itself and passed
                cores        that the machine had for the run
                oversubscribed   true where ranks x threads > cores
                checksum     of the app's result
                message      the reason of a failure, one line
                command      the command line as a shell takes it
                result       the app's whole JSON: machine, build, timings, efficiency, verification

The file is never changed in place: a run is added to a copy, which then takes the file's name. So a study
that is killed at any moment leaves a whole file, which lacks the run in progress and nothing else.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import h5py
import numpy as np

from ..common import USAGE, Failure
from . import toml_file
from .model import Point, Study

NAME = "study.h5"
TEXT = h5py.string_dtype()
POINTS = np.dtype(
    [("name", TEXT), ("ranks", "i4"), ("threads", "i4"), ("options", TEXT), ("work", "f8")],
)
TYPES = {"int": "i4", "float": "f8", "bool": "?", "str": TEXT}


@dataclass(frozen=True)
class Run:
    """One row of /runs."""

    point: int
    repeat: int
    started: str
    wall_s: float
    time_s: float
    status: int
    failed: bool
    verified: bool
    cores: int
    oversubscribed: bool
    checksum: str
    message: str
    command: str
    result: str


RUNS = np.dtype([(one.name, TYPES[str(one.type)]) for one in fields(Run)])


class Store:
    """A study's points and runs in memory, and the file that holds them."""

    def __init__(self, file: Path, study: Study, runs: Sequence[Run]) -> None:
        self.file, self.study, self.runs = file, study, list(runs)

    def of(self, number: int) -> list[Run]:
        """The good runs of a point."""
        return [run for run in self.runs if run.point == number and not run.failed]

    def failures(self) -> list[tuple[Point, str]]:
        """The points whose last run failed, and why."""
        last = {run.point: run for run in self.runs}
        return [(self.study.points[n], run.message) for n, run in sorted(last.items()) if run.failed]

    def unverified(self) -> list[Point]:
        """The points with a run that did not pass its own verification."""
        found = sorted({run.point for run in self.runs if not run.failed and not run.verified})
        return [self.study.points[number] for number in found]

    def add(self, *runs: Run) -> None:
        """All of them or, where this process is killed, none."""
        with self._changed() as file:
            table = file["runs"]
            here = len(self.runs)
            table.resize(here + len(runs), axis=0)
            table[here:] = np.array([astuple(run) for run in runs], dtype=RUNS)
        self.runs += runs

    def describe(self) -> None:
        """Writes the study and its points anew; the runs stay."""
        labels = self.study.labels()
        rows = [
            (labels[one], one.ranks, one.threads, json.dumps(dict(one.options)), one.work)
            for one in self.study.points
        ]
        with self._changed() as file:
            for name in ("study", "points"):
                if name in file:
                    del file[name]
            file["study"] = self.study.text
            file["points"] = np.array(rows, dtype=POINTS)
            if "runs" not in file:
                file.create_dataset("runs", (0,), RUNS, maxshape=(None,), chunks=(64,))

    @contextmanager
    def _changed(self) -> Iterator[h5py.File]:
        """A copy of the file, which takes its place at the end."""
        copy = self.file.with_name(NAME + ".new")
        try:
            if self.file.exists():
                shutil.copyfile(self.file, copy)
            else:
                copy.unlink(missing_ok=True)
            with h5py.File(copy, "a") as file:
                yield file
            synchronise(copy)
            copy.replace(self.file)
            synchronise(self.file.parent)
        except OSError as problem:
            raise Failure(f"cannot write {self.file}: {problem.strerror or problem}") from problem


def synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(folder: Path) -> Store:
    """What study.h5 holds."""
    path = folder / NAME
    if not path.is_file():
        raise Failure(f"there is no {NAME} in {folder} (`tutti study run` makes it)", USAGE)
    try:
        with h5py.File(path, "r") as file:
            study = toml_file.parse(file["study"].asstr()[()], f"the study in {path}")
            points = tuple(point_of(row) for row in file["points"][:])
            runs = [run_of(row) for row in file["runs"][:]]
    except (OSError, KeyError, ValueError) as problem:
        raise Failure(f"{path} is not the file of a study: {problem}") from problem
    return Store(path, replace(study, points=points), runs)


def point_of(row: np.void) -> Point:
    options = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(row["options"]).items()
    }
    return Point(int(row["ranks"]), int(row["threads"]), tuple(options.items()), float(row["work"]))


def run_of(row: np.void) -> Run:
    return Run(*(value.decode() if isinstance(value, bytes) else value for value in row.item()))


def open_for(study: Study, folder: Path) -> Store:
    """The file to add runs of this study to: a new one, or the one there if it holds the same points and
    perhaps fewer. Points that are new come after those that are there."""
    path = folder / NAME
    if not path.exists():
        store = Store(path, study, [])
        store.describe()
        return store
    store = load(folder)
    refuse_changes(store.study, study, path)
    kept = store.study.points
    # The file's order, but the work as the study now says.
    now = {point: point for point in study.points}
    points = [*(now[point] for point in kept), *(point for point in study.points if point not in set(kept))]
    changed = replace(study, points=tuple(points))
    if changed != store.study or [p.work for p in points] != [p.work for p in kept]:
        store.study = changed
        store.describe()
    return store


def refuse_changes(old: Study, new: Study, path: Path) -> None:
    """Runs of another problem must not mix with those of this one."""
    if old.app != new.app:
        why = f"the app was {old.app} and is now {new.app}"
    elif gone := [old.labels()[point] for point in old.points if point not in set(new.points)]:
        changes = [
            f"{name} was {old.fixed().get(name, 'not set')} and is now {new.fixed().get(name, 'not set')}"
            for name in sorted({*old.fixed(), *new.fixed()} - {*old.varying, *new.varying})
            if old.fixed().get(name) != new.fixed().get(name)
        ]
        why = ", ".join(changes) if changes else f"these points are gone: {', '.join(gone)}"
    else:
        return
    raise Failure(f"{path} holds runs of another study ({why}); choose another --output", USAGE)


def tidy(folder: Path) -> None:
    """Removes what a sitting that was killed has left behind."""
    for left_behind in (*folder.glob("run-*.json"), *folder.glob(NAME + ".new")):
        left_behind.unlink()


@contextmanager
def sole(folder: Path) -> Iterator[int]:
    """One sitting at a time in a folder. The lock ends with the last process that has this descriptor."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise Failure(f"another `tutti study` is at work in {folder}") from problem
        yield descriptor
    finally:
        os.close(descriptor)
