"""`tutti study run FILE.toml` and `tutti study report DIR`. Run inside .venv."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..cluster import state
from ..common import FAILED, OK, USAGE, Failure, counted, say
from . import page, plots, schedules, store, tables, toml_file, usl
from .measure import Program
from .model import Study, uneven
from .paths import folder_of, shown
from .progress import Progress
from .runner import run
from .summary import Summary, summarise

PLOT_REM = {"single": 24, "double": 40}  # least widths on the page, by size


def run_verb(file: str, output: str | None, preset: str) -> int:
    study = toml_file.read(Path(file))
    return measure(study, folder_of(output, file), Program.of(study.app, preset))


def report_verb(folder: str, size: str = "single") -> int:
    return publish(Path(folder), size)


def measure(study: Study, folder: Path, program: Program) -> int:
    """All the runs that are wanted and not there yet; FAILED where the last run of a point failed."""
    study = fitting(study, program.host.cores)
    odd = uneven(study)
    if odd:
        say(f"study: the report will refuse this as weak scaling, work per worker differs: {'; '.join(odd)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Failure(f"cannot write to {folder}: {problem.strerror}") from problem
    state.refuse_if_live(folder)
    with store.sole(folder):
        store.tidy(folder)
        kept = store.open_for(study, folder)
        before = len(kept.runs)
        points = counted(len(kept.study.points), "point")
        say(f"study: {points}, {counted(before, 'run')} there already, in {shown(kept.file)}")
        progress = Progress()
        try:
            stopped = run(kept, program, progress)
        finally:
            progress.close()
    return tell(kept, before, stopped)


def fitting(study: Study, cores: int) -> Study:
    """Without the points that are to be left out here."""
    if not study.fit:
        return study
    points = tuple(point for point in study.points if point.workers <= cores)
    if not points:
        raise Failure(f"no point fits the {counted(cores, 'core')} of this machine", USAGE)
    return replace(study, points=points)


def tell_what_failed(kept: store.Store) -> bool:
    """The points that failed or were not verified, if there are any."""
    labels = kept.study.labels()
    failures, unverified = kept.failures(), kept.unverified()
    for point, message in failures:
        say(f"study: {labels[point]} failed: {message}")
    if unverified:
        say(f"study: verification failed at {', '.join(labels[point] for point in unverified)}")
    return bool(failures or unverified)


def tell(kept: store.Store, before: int, stopped: str) -> int:
    """What a sitting did; the exit status."""
    failed = tell_what_failed(kept)
    if stopped:
        say(f"study: {stopped}; raise budget_s and run it again for more repeats")
    new, where = len(kept.runs) - before, shown(kept.file.parent)
    say(f"study: {counted(new, 'new run')}, {len(kept.runs)} in all: scripts/tutti study report {where}")
    return FAILED if failed else OK


def publish(folder: Path, size: str = "single") -> int:
    """Tables, plots of a size that style.WIDTHS_MM has, page; the exit status."""
    kept = store.load(folder)
    summary = summarise(kept)
    svg = plots.write(summary, folder, size)
    (folder / "report.html").write_text(page.page(tables.title(summary), summary, kept, svg, PLOT_REM[size]))
    say(tables.title(summary))
    say(tables.setting(summary))
    say("")
    tell_tables(summary)
    contests = schedules.notes(schedules.contests(summary))
    for sentence in [
        *tables.notes(summary),
        *usl.notes(summary.fits),
        *contests,
        *tables.verdict(summary),
    ]:
        say(sentence)
    for label, text in page.explanations(summary):
        say(f"{label}: {text}")
    say(f"Page: {shown(folder / 'report.html')}   plots: {', '.join(svg)}, each as .png, .svg and .pdf")
    return OK if summary.good else FAILED


def tell_tables(summary: Summary) -> None:
    words = len(summary.study.varying)
    more = schedules.table(schedules.contests(summary))
    shown = (
        (tables.numbers(summary), words),
        (tables.pop(summary), words),
        (usl.table(summary.fits), 1),
        (more, 1),
    )
    for table, left in shown:
        if table:
            say(tables.aligned(table, left))
            say("")
