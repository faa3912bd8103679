"""How the machines, builds and settings of two results differ, from what their runs recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .model import Point
from .store import Run
from .summary import middle

# What differs from run to run of one configuration.
PASSING = ("machine command", "machine started", "machine affinity", "machine memory_bytes")
PASSING_ENDINGS = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_JOB_NAME", "SLURM_JOB_NODELIST")
LONGEST = 60


def facts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested objects as names with spaces and texts."""
    if name in PASSING or name.endswith(PASSING_ENDINGS):
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from facts(inner, f"{name} {key}".strip())
    else:
        yield name, json.dumps(value) if not isinstance(value, str) else value


def recorded(result: Mapping[str, Any]) -> dict[str, str]:
    keys = ("version", "git_commit", "device", "machine", "config")
    return dict(facts({key: result[key] for key in keys if key in result}))


def pinning(result: Mapping[str, Any]) -> str:
    """Which processors the workers of each rank had, hosts aside."""
    affinity = result.get("machine", {}).get("affinity", [])
    return json.dumps([rank.get("workers") for rank in affinity])


def short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def differences(
    a: Mapping[Point, Sequence[Run]], b: Mapping[Point, Sequence[Run]], common: Sequence[Point]
) -> list[str]:
    """One sentence for each fact that differs at a common point, with the first values that do."""
    found: dict[str, str] = {}
    for point in common:
        one, other = (json.loads(middle(side[point]).result) for side in (a, b))
        here, there = recorded(one), recorded(other)
        for name in sorted({*here, *there}):
            if here.get(name) != there.get(name):
                values = [short(side.get(name, "not recorded")) for side in (here, there)]
                found.setdefault(name, f"{name.replace('_', ' ')} is {values[0]} in A and {values[1]} in B")
        if pinning(one) != pinning(other):
            found.setdefault("pinning", f"workers had other processors, first at {point.layout}")
    return list(found.values())
