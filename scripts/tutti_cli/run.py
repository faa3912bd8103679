"""`tutti run APP -n RANKS -t THREADS -- ARGS`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from . import launch
from .common import USAGE, Failure, build_dir, complain
from .process import execute


def program_of(app: str, preset: str) -> Path:
    """A name means build/<preset>/bin/<name>; anything with a slash is a path."""
    if "/" not in app:
        path = build_dir(preset) / "bin" / app
        if not path.is_file():
            apps = sorted(p.name for p in path.parent.glob("*") if os.access(p, os.X_OK))
            known = f"there: {', '.join(apps)}" if apps else f"run `tutti build --preset {preset}` first"
            raise Failure(f"no app '{app}' in {path.parent} ({known})", USAGE)
    else:
        path = Path(app)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise Failure(f"{path} is not an executable file", USAGE)
    return path if path.is_absolute() else Path.cwd() / path


def built_with_mpi(program: Path) -> bool:
    """Read from the CMake cache of the build that the program lies in; outside of one, assume MPI."""
    for folder in program.parents:
        cache = folder / "CMakeCache.txt"
        if cache.is_file():
            return not re.search(r"^TUTTI_MPI:\w+=(OFF|0|FALSE|NO)$", cache.read_text(), re.M | re.I)
    return True


def app_arguments(app: str, arguments: Sequence[str], threads: int) -> list[str]:
    """Our own apps get --threads; one that contradicts -t is refused."""
    given = launch.option(arguments, "--threads")
    if given is not None and given != str(threads):
        raise Failure(f"-t {threads} and the app's --threads {given} contradict each other", USAGE)
    if given is None and "/" not in app:
        return ["--threads", str(threads), *arguments]
    return list(arguments)


def verb(
    app: str,
    ranks: int,
    threads: int | None,
    bind: str,
    preset: str,
    verbose: bool,
    arguments: Sequence[str],
) -> int:
    program = program_of(app, preset)
    host = launch.Host.this()
    if ranks < 1:
        raise Failure("-n must be at least 1", USAGE)
    if threads is None:
        threads = max(1, host.cores // ranks)
    command = launch.plan(
        str(program),
        app_arguments(app, arguments, threads),
        ranks,
        threads,
        host,
        bind=bind,
        mpi=built_with_mpi(program),
        inherited=os.environ,
    )
    print(f"$ {command.shown()}", file=sys.stderr, flush=True)
    outcome = execute(command, Path(app).name, verbose=verbose)
    if outcome.message:
        complain(outcome.message)
    return outcome.status
