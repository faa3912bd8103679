"""`tutti study submit FILE`, `status`, `collect`, `cancel` DIR. Run inside .venv."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ..common import FAILED, OK, USAGE, Failure, counted, say
from ..launch import plan
from ..study import store as stores
from ..study import toml_file
from ..study.measure import Program
from ..study.model import Study, uneven
from ..study.paths import folder_of, shown
from ..study.store import Store
from ..study.verbs import tell_what_failed
from . import progress, queue, script, share, site, spool
from . import state as states
from .jobs import Job, fitting, jobs, plain, refuse_points
from .state import Entry, State

POLL_S = (1.0, 2.0, 3.0, 5.0, 10.0)  # the last one again and again
PATIENCE = 30  # questions in a row without an answer


def submit_verb(
    file: str,
    output: str | None,
    preset: str,
    site_name: str | None,
    after: Sequence[str],
    dry_run: bool,
    retry: bool,
) -> int:
    for job in after:
        if not re.fullmatch(r"[0-9]+", job):
            raise Failure(f"--after takes the number of a job, not '{job}'", USAGE)
    study = toml_file.read(Path(file))
    folder = folder_of(output, file).absolute()
    there = site.read(site.find(site_name or study.slurm.site))
    allocation = there.allocation(study.slurm.ranks_per_node)
    study = replace(study, points=fitting(study, there, allocation))
    refuse_points(study, there, allocation, range(len(study.points)))
    odd = uneven(study)
    if odd:
        say(f"study: the report will refuse this as weak scaling, work per worker differs: {'; '.join(odd)}")
    program = replace(Program.of(study.app, preset), host=allocation)
    if dry_run:
        return rehearse(study, folder, there, program, after)
    make(folder / "jobs", folder / spool.SPOOL)
    with stores.sole(folder) as lock:
        stores.tidy(folder)
        store = stores.open_for(study, folder)
        state = renewed(folder)
        progress.collect(store, folder)
        chosen = choose(store, state, retry)
        if chosen:
            submit(store, state, folder, there, program, chosen, after, lock)
        progress.tell(store, state)
    if state.live:
        say(f"study: next: scripts/tutti study status {shown(folder)}, ... collect {shown(folder)}")
    return finish(store, state)


def renewed(folder: Path) -> State:
    """The jobs with their states now; one whose submission was cut off is found in Slurm, or taken off."""
    state = states.load(folder)
    for name in progress.refresh(state, folder):
        say(f"study: Slurm never got {name}; its points are free again")
    return state


def make(*folders: Path) -> None:
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Failure(f"cannot write to {folder}: {problem.strerror}") from problem


def choose(store: Store, state: State, retry: bool) -> list[int]:
    """The points to submit: those that need more runs and are in no job that is still to come."""
    busy = {point for entry in state.live for point in entry.points}
    labels = store.study.labels()
    chosen = []
    for point in progress.wanting(store):
        if point in busy:
            continue
        tries = state.tries(point, len(store.of(point)))
        if tries >= store.study.slurm.attempts and not retry:
            label = labels[store.study.points[point]]
            say(
                f"study: {label} is given up, {counted(tries, 'job')} brought no new run (--retry: once more)"
            )
            continue
        chosen.append(point)
    return chosen


def name_of(folder: Path, job: Job) -> str:
    """Different for each job, and legible."""
    return f"tutti-{plain(folder.name)}-{job.label}-{secrets.token_hex(4)}"


def share_of(name: str, job: Job, store: Store, folder: Path, program: Program) -> share.Share:
    study = store.study
    runs = {point: store.of(point) for point in job.points}
    return share.Share(
        name=name,
        folder=folder,
        directory=Path.cwd(),
        program=program.path,
        mpi=program.mpi,
        allocation=program.host,  # type: ignore[arg-type]
        seed=study.seed,
        repeats=study.repeats,
        time_s=job.time_s,
        restarts=study.slurm.restarts,
        tasks=job.tasks,
        points={point: study.points[point] for point in job.points},
        times={point: tuple(run.time_s for run in found) for point, found in runs.items()},
        used_s=sum(run.wall_s for found in runs.values() for run in found),
    )


def write(
    store: Store, folder: Path, there: site.Site, program: Program, chosen: Sequence[int]
) -> list[tuple[str, Job, str]]:
    """Names, jobs and scripts; the shares are written."""
    study = store.study
    found = []
    for job in jobs(study, there, program.host, chosen):  # type: ignore[arg-type]
        name = name_of(folder, job)
        file = folder / "jobs" / f"{name}.share"
        spool.write_whole(file, share_of(name, job, store, folder, program).text())
        text = script.script(name, job, there, file, study.slurm.array_limit)
        spool.write_whole(folder / "jobs" / f"{name}.sh", text)
        found.append((name, job, text))
    return found


def submit(
    store: Store,
    state: State,
    folder: Path,
    there: site.Site,
    program: Program,
    chosen: Sequence[int],
    after: Sequence[str],
    lock: int,
) -> None:
    before = state.live[-1].id if state.live else ""
    for name, job, _ in write(store, folder, there, program, chosen):
        entry = Entry(
            name=name,
            label=job.label,
            nodes=job.nodes,
            tasks=[list(task) for task in job.tasks],
            before={point: len(store.of(point)) for point in job.points},
            submitted=datetime.now().isoformat(timespec="seconds"),
        )
        state.jobs.append(entry)
        state.save()
        dependency = before if store.study.slurm.one_after_another else ""
        try:
            entry.id = queue.submit(script.sbatch(name, there, folder, after, dependency), lock)
        except queue.Refusal:
            state.jobs.remove(entry)
            state.save()
            raise
        before = entry.id
        state.save()


def rehearse(study: Study, folder: Path, there: site.Site, program: Program, after: Sequence[str]) -> int:
    """Shows what submit would do; writes nothing, asks nobody."""
    kept = stores.load(folder) if (folder / stores.NAME).is_file() else Store(folder / stores.NAME, study, [])
    if kept.runs:
        stores.refuse_changes(kept.study, study, kept.file)
    live = {point for entry in states.load(folder).live for point in entry.points}
    now = Store(kept.file, replace(study, points=merged(kept.study, study)), kept.runs)
    chosen = [point for point in progress.wanting(now) if point not in live]
    labels = now.study.labels()
    previous = ""
    for job in jobs(now.study, there, program.host, chosen):  # type: ignore[arg-type]
        name = name_of(folder, job)
        file = folder / "jobs" / f"{name}.share"
        dependency = previous if study.slurm.one_after_another else ""
        say(f"$ {script.shell(script.sbatch(name, there, folder, after, dependency))}")
        say(script.script(name, job, there, file, study.slurm.array_limit))
        for number, task in enumerate(job.tasks):
            for point in task:
                one = now.study.points[point]
                words = [*one.arguments(), "--json", "FILE", "--quiet"]
                command = plan(str(program.path), words, one.ranks, one.threads, program.host)
                say(f"task {number}, point {point} ({labels[one]}): {command.shown()}")
        say("")
        previous = "PREVIOUS"
    say(f"study: {counted(len(chosen), 'point')} would be submitted; nothing was")
    return OK


def merged(old: Study, new: Study) -> tuple:
    """As store.open_for would have them."""
    return (*old.points, *(point for point in new.points if point not in set(old.points)))


def of_folder(folder: str) -> tuple[Path, Store]:
    path = Path(folder).absolute()
    if not (path / states.NAME).is_file():
        raise Failure(f"nothing of {shown(path)} was submitted (`tutti study submit FILE` does that)", USAGE)
    return path, stores.load(path)


def status_verb(folder: str) -> int:
    path, _ = of_folder(folder)
    with stores.sole(path):
        store = stores.load(path)
        state = renewed(path)
        # what is in the spool counts, but stays there
        runs, _ = progress.fetch(store, path)
        store.runs += runs
        progress.tell(store, state)
    for entry in [entry for entry in state.jobs if entry.ended and entry.state != "COMPLETED"]:
        say(f"study: ended: {progress.line(entry, store)}; log: {shown(path)}/jobs/{entry.name}.*.log")
    return finish(store, state)


def collect_verb(folder: str, wait: bool, sleep: Callable[[float], None] = time.sleep) -> int:
    path, _ = of_folder(folder)
    total, said, refused = 0, None, 0
    for pause_s in itertools.chain(POLL_S, itertools.repeat(POLL_S[-1])):
        try:
            store, state, new = collect_once(path)
        except Failure as problem:  # Slurm is busy, or `status` is at work: over hours that happens
            refused += 1
            if not wait or refused > PATIENCE:
                raise
            say(f"study: {problem}; asking again")
            sleep(pause_s)
            continue
        total, refused = total + new, 0
        if not (wait and state.live):
            break
        now = (len(progress.wanting(store)), [(entry.id, entry.state) for entry in state.live])
        if now != said:  # not each run: jobs may take hours
            progress.tell(store, state)
            said = now
        sleep(pause_s)
    say(f"study: {counted(total, 'run')} collected, {len(store.runs)} in all, in {shown(store.file)}")
    progress.tell(store, state)
    return finish(store, state)


def collect_once(path: Path) -> tuple[Store, State, int]:
    """The study, its jobs, and the number of runs that are new in study.h5."""
    with stores.sole(path):
        store = stores.load(path)
        state = renewed(path)
        new = progress.collect(store, path)
        if not state.live:
            progress.clear(store, path)
    return store, state, new


def cancel_verb(folder: str) -> int:
    path, _ = of_folder(folder)
    with stores.sole(path):
        state = renewed(path)
        live = state.live
        if live:
            queue.cancel(live)
            for entry in live:
                entry.state, entry.ended = "CANCELLED", True
            state.save()
    say(f"study: {counted(len(live), 'job')} cancelled; `tutti study submit` goes on from here")
    return OK


def finish(store: Store, state: State) -> int:
    """Says what comes next; FAILED where a point failed, or is incomplete and in no job."""
    failed = tell_what_failed(store)
    if state.live:
        return OK
    lacking = progress.wanting(store)
    if lacking:
        say(
            f"study: {counted(len(lacking), 'point')} not complete: `tutti study submit` submits what is left"
        )
    else:
        say(f"study: complete: scripts/tutti study report {shown(store.file.parent)}")
    return FAILED if failed or lacking else OK
