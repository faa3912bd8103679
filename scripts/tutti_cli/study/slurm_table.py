"""The table [slurm] of a study file: how its points become jobs (model.Slurm)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields

from .model import Point, Slurm
from .toml_values import Table, known, refuse, shown, whole

WHERE = "[slurm] "
KEYS = tuple("time" if one.name == "time_s" else one.name for one in fields(Slurm))
DURATION = re.compile(r"(?:(\d+)-)?(\d{1,3}):([0-5]\d):([0-5]\d)")


def parse(table: Table, points: Sequence[Point]) -> Slurm:
    known(table, KEYS, "[slurm]")
    site = table.get("site", "")
    if not isinstance(site, str):
        refuse(f"{WHERE}site", f"takes a name in slurm/sites or a path, not {shown(site)}")
    one_after_another = table.get("one_after_another", False)
    if not isinstance(one_after_another, bool):
        refuse(f"{WHERE}one_after_another", f"takes true or false, not {shown(one_after_another)}")
    jobs = axes(table, "jobs", Slurm.jobs, points)
    array = axes(table, "array", (), points)
    both = sorted(set(jobs) & set(array))
    if both:
        refuse(f"{WHERE}array", f"{both[0]} stands in jobs too")
    return Slurm(
        site=site,
        ranks_per_node=whole(table, "ranks_per_node", 0, least=0, where=WHERE),
        jobs=jobs,
        array=array,
        array_limit=whole(table, "array_limit", 0, least=0, where=WHERE),
        time_s=seconds(table["time"], f"{WHERE}time") if "time" in table else 0,
        one_after_another=one_after_another,
        attempts=whole(table, "attempts", Slurm.attempts, least=1, where=WHERE),
        restarts=whole(table, "restarts", Slurm.restarts, least=0, where=WHERE),
    )


def axes(table: Table, key: str, default: tuple[str, ...], points: Sequence[Point]) -> tuple[str, ...]:
    """Names of what points differ in."""
    names = table.get(key, list(default))
    there = ["nodes", "ranks", "threads", *sorted({name for point in points for name, _ in point.options})]
    if not isinstance(names, list) or any(name not in there for name in names):
        refuse(f"{WHERE}{key}", f"takes a list of some of {', '.join(there)}, not {shown(names)}")
    return tuple(names)


def seconds(value: object, where: str) -> int:
    """From 'HH:MM:SS' or 'D-HH:MM:SS'; Slurm counts in minutes."""
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        refuse(where, f'takes "HH:MM:SS" or "D-HH:MM:SS", not {shown(value)}')
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    total = ((24 * days + hours) * 60 + minutes) * 60 + rest
    if total < 60 or total % 60:
        refuse(where, f"takes whole minutes, at least one, not {shown(value)}")
    return total


def duration(time_s: int) -> str:
    minutes, rest = divmod(time_s, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}"
