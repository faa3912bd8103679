"""From points to jobs: a pure function, so that every case is tested without a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..common import USAGE, Failure, counted
from ..launch import Allocation
from ..study.model import Point, Study
from .site import Site


@dataclass(frozen=True)
class Job:
    """What sbatch is asked for, and the points of its tasks (more than one task: a job array)."""

    label: str  # [A-Za-z0-9._-]
    nodes: int
    ranks_per_node: int
    cores_per_rank: int
    time_s: int
    tasks: tuple[tuple[int, ...], ...]  # numbers of points

    @property
    def points(self) -> list[int]:
        return [point for task in self.tasks for point in task]


def refuse_points(study: Study, site: Site, allocation: Allocation, chosen: Iterable[int]) -> None:
    """Points that no node or no job of the site can hold."""
    labels = study.labels()
    for number in chosen:
        point = study.points[number]
        here = allocation.per_node(point.ranks, point.threads)
        nodes = allocation.nodes(point.ranks, point.threads)
        if here * point.threads > site.cores_per_node:
            raise Failure(
                f"{labels[point]}: {here} x {point.threads} on a node that has "
                f"{counted(site.cores_per_node, 'core')}; change ranks_per_node in [slurm]",
                USAGE,
            )
        if site.nodes and nodes > site.nodes:
            raise Failure(
                f"{labels[point]} needs {counted(nodes, 'node')}, a job of this site has at most "
                f"{site.nodes} (`fit = true` leaves such points out)",
                USAGE,
            )


def fitting(study: Study, site: Site, allocation: Allocation) -> tuple[Point, ...]:
    """The points of the study, or with `fit` those that a job of the site can hold."""
    if not study.fit:
        return study.points
    points = tuple(
        point
        for point in study.points
        if point.threads <= site.cores_per_node
        and (not site.nodes or allocation.nodes(point.ranks, point.threads) <= site.nodes)
    )
    if not points:
        raise Failure("no point fits this site", USAGE)
    return points


def jobs(study: Study, site: Site, allocation: Allocation, chosen: Iterable[int]) -> list[Job]:
    """The chosen points as jobs, those of few nodes first."""
    rule = study.slurm
    groups: dict[tuple[str, ...], dict[tuple[str, ...], list[int]]] = {}
    for number in chosen:
        point = study.points[number]
        job = tuple(value(point, name, allocation) for name in rule.jobs)
        task = tuple(value(point, name, allocation) for name in rule.array)
        groups.setdefault(job, {}).setdefault(task, []).append(number)
    found = []
    for key, tasks in groups.items():
        points = [study.points[number] for numbers in tasks.values() for number in numbers]
        here = max(allocation.per_node(point.ranks, point.threads) for point in points)
        busiest = max(allocation.per_node(point.ranks, point.threads) * point.threads for point in points)
        found.append(
            Job(
                label=label(rule.jobs, key),
                nodes=max(allocation.nodes(point.ranks, point.threads) for point in points),
                ranks_per_node=here,
                cores_per_rank=-(-busiest // here),
                time_s=rule.time_s or site.time_s,
                tasks=tuple(tuple(numbers) for numbers in tasks.values()),
            )
        )
    return sorted(found, key=lambda job: job.nodes)


def value(point: Point, name: str, allocation: Allocation) -> str:
    if name == "nodes":
        return str(allocation.nodes(point.ranks, point.threads))
    if name in ("ranks", "threads"):
        return str(getattr(point, name))
    return point.text(name)


def label(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """What the job is called in lists; odd characters of values are left out."""
    parts = [f"{name}-{value}" for name, value in zip(names, values, strict=True)]
    return plain(".".join(parts) or "all")


def plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:40].lstrip("-") or "x"
