"""Renders job scripts from slurm/job.sh.j2. Needs jinja2.

What stands in #SBATCH lines was checked letter by letter (site.py, jobs.py), what is a word of the shell is
quoted. The options of the points are in neither: they go through the share, as data.
"""

from __future__ import annotations

import functools
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import jinja2

from ..common import ROOT
from ..study.slurm_table import duration
from .jobs import Job
from .site import Site

TEMPLATE = ROOT / "slurm" / "job.sh.j2"


@functools.cache
def template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE.parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["quoted"] = shlex.quote
    environment.filters["duration"] = duration
    return environment.get_template(TEMPLATE.name)


def script(name: str, job: Job, site: Site, share: Path, array_limit: int) -> str:
    limit = array_limit or site.array_limit
    return template().render(
        name=name,
        job=job,
        site=site,
        array=f"0-{len(job.tasks) - 1}{f'%{limit}' if limit else ''}" if len(job.tasks) > 1 else "",
        grace_s=min(site.grace_s, job.time_s // 2),
        command=[site.python or sys.executable, str(ROOT / "scripts" / "tutti"), "study", "work", str(share)],
    )


def sbatch(name: str, site: Site, folder: Path, after: Sequence[str], dependency: str) -> list[str]:
    """The command that submits the script; after: ids of jobs that have to have ended well."""
    there = [variable for variable in site.export if variable in os.environ]
    words = ["sbatch", "--parsable", f"--chdir={folder}", f"--export={','.join(there) or 'NONE'}"]
    waits = [*(f"afterok:{job}" for job in after), *([f"afterany:{dependency}"] if dependency else [])]
    if waits:
        words.append(f"--dependency={','.join(waits)}")
    return [*words, str(folder / "jobs" / f"{name}.sh")]


def shell(words: Sequence[str]) -> str:
    return shlex.join(words)
