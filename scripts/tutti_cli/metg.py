"""`tutti metg`: find METG(50 %) of Tutti and of what it is compared with, all in one job, and plot it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from . import launch
from .common import OK, ROOT, USAGE, Failure, build_dir, complain, say
from .process import execute
from .run import app_arguments, built_with_mpi, program_of

# OpenMP's threads spin a few milliseconds before they sleep: neither do barriers become system calls, nor
# does a team hold cores that the next system in turn needs. `passive`, right for Tutti, would be unfair.
SPINNING = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "4"}


def comparisons(ranks: int, has_tbb: bool) -> list[str]:
    """All that a job of so many ranks can have beside its own layout."""
    names = ["mpi", "one-rank"] if ranks > 1 else []
    return [*names, "omp-task", "omp-for", *(["tbb"] if has_tbb else [])]


def has_tbb(preset: str) -> bool:
    cache = build_dir(preset) / "CMakeCache.txt"
    return cache.is_file() and "TBB_DIR:PATH=/" in cache.read_text()


def measure(ranks: int | None, threads: int, preset: str, file: Path, arguments: Sequence[str]) -> int:
    """One job with all systems; its JSON goes to `file`. Returns the app's status."""
    program = program_of("metg", preset)
    mpi = built_with_mpi(program)
    host = launch.Host.this()
    if ranks is None:
        ranks = max(1, host.cores // threads) if mpi and host.launcher else 1
    words = ["--sweep", "--json", str(file), *arguments]
    if launch.option(arguments, "--against") is None:
        words += ["--against", ",".join(comparisons(ranks, has_tbb(preset)))]
    plan = launch.plan(
        str(program),
        app_arguments("metg", words, threads),
        ranks,
        threads,
        host,
        bind="none",  # the first rank also runs teams over all cores; the app pins threads by itself
        mpi=mpi,
        inherited=os.environ,
    )
    own = {name: value for name, value in SPINNING.items() if name not in os.environ}
    plan = launch.Launch(plan.argv, {**plan.environment, **own})
    say(f"$ {plan.shown()}")
    outcome = execute(plan, "metg")
    if outcome.message:
        complain(outcome.message)
    return outcome.status


def verb(
    ranks: int | None,
    threads: int,
    preset: str,
    output: str,
    plot_only: str | None,
    arguments: Sequence[str],
) -> int:
    from . import metg_plot

    if plot_only is not None:
        if arguments:
            raise Failure("metg: --plot takes no arguments for the app", USAGE)
        for made in metg_plot.plot(Path(plot_only)):
            say(f"metg: {made}")
        return OK
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "metg.json").absolute()
    status = measure(ranks, threads, preset, file, arguments)
    if status == OK:
        file.write_text(file.read_text().replace(f"{ROOT}/", ""))  # results may be kept and passed on
        for made in metg_plot.plot(file):
            say(f"metg: {made}")
    return status
