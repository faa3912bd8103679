"""What the jobs of a study have done: their states, and the runs in the spool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..common import counted, say
from ..study.runner import wants_more
from ..study.store import Run, Store
from . import queue
from .spool import SPOOL, Spool, key
from .state import Entry, State

# of the tasks of an array, the first of these that one has stands for the job
ORDER = ("RUNNING", "COMPLETING", "PENDING", "NODE_FAIL", "TIMEOUT", "OUT_OF_MEMORY", "FAILED", "CANCELLED")


def refresh(state: State, folder: Path) -> list[str]:
    """Asks Slurm about the jobs that had not ended; returns the names of those that never reached it."""
    if not state.live:
        return []
    known = queue.in_queue()
    never = []
    for entry in state.live:
        found = queue.look(entry, known, folder)
        if found:
            entry.id = found[0].id
            entry.state = overall([one.state for one in found])
            entry.ended = not any(one.live for one in found)
        elif entry.id:
            entry.state, entry.ended = "UNKNOWN", True
        else:
            never.append(entry.name)
            state.jobs.remove(entry)
    state.save()
    return never


def overall(states: Sequence[str]) -> str:
    return next((state for state in ORDER if state in states), states[0])


def fetch(store: Store, folder: Path) -> tuple[list[Run], list[str]]:
    """The runs in the spool that the store lacks, numbered as the store's points; and what is odd."""
    have = {key(run) for run in store.runs}
    repeats = {(run.point, run.repeat) for run in store.runs if not run.failed}
    found, odd = [], []
    for path, point, run in Spool(folder / SPOOL).runs():
        if not 0 <= run.point < len(store.study.points) or store.study.points[run.point] != point:
            odd.append(f"{path.name} belongs to another study and is left where it is")
        elif key(run) in have:
            continue
        elif not run.failed and (run.point, run.repeat) in repeats:
            odd.append(f"{path.name}: that repeat is there already, this one is not taken")
        else:
            found.append(run)
            have.add(key(run))
            repeats.add((run.point, run.repeat))
    return found, odd


def collect(store: Store, folder: Path) -> int:
    """Moves what is in the spool into the store; the number of runs that are new."""
    runs, odd = fetch(store, folder)
    if runs:
        store.add(*runs)
    for sentence in odd:
        say(f"study: {sentence}")
    return len(runs)


def clear(store: Store, folder: Path) -> None:
    """Removes the files of runs that are in the store. Only while no job is left that would read them."""
    have = {key(run) for run in store.runs}
    for path, _, run in Spool(folder / SPOOL).runs():
        if key(run) in have:
            path.unlink()


def wanting(store: Store) -> list[int]:
    """The points that need more repeats."""
    rule = store.study.repeats
    return [
        number
        for number in range(len(store.study.points))
        if wants_more([run.time_s for run in store.of(number)], rule)
    ]


def tell(store: Store, state: State) -> None:
    """One line for the study, one for each job that is not over."""
    points, lacking = store.study.points, wanting(store)
    good = sum(not run.failed for run in store.runs)
    say(
        f"study: {len(points) - len(lacking)} of {counted(len(points), 'point')} complete, "
        f"{counted(good, 'good run')}, {len(store.runs) - good} failed"
    )
    for entry in state.live:
        say(f"study: {line(entry, store)}")


def line(entry: Entry, store: Store) -> str:
    tasks = f", {len(entry.tasks)} tasks" if len(entry.tasks) > 1 else ""
    new = sum(len(store.of(point)) - entry.before.get(point, 0) for point in entry.points)
    what = f"{counted(entry.nodes, 'node')}{tasks}, {counted(len(entry.points), 'point')}"
    return f"job {entry.id} {entry.label}: {entry.state or 'SUBMITTED'}, {what}, {counted(new, 'new run')}"
