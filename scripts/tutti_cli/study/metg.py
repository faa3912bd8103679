"""What a run of `metg --sweep` measures: the smallest task at half of the peak, of each system in the job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .store import Run  # needs h5py, which what runs beside the app does without

QUANTITY = "metg50_us"


def sweeps(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """By system, ours first: {median, low, high, is} in us; empty where the run was no sweep."""
    found = result.get("series", {}).get("efficiency", [])
    return {str(one["system"]): one[QUANTITY] for one in found if QUANTITY in one}


def seconds(result: Mapping[str, Any]) -> float | None:
    """METG of the system that the run is about; None where the run was no sweep."""
    return next((1e-6 * float(one["median"]) for one in sweeps(result).values()), None)


def systems(runs: Iterable[Run]) -> dict[str, list[float]]:
    """METG in all these runs, in seconds, by system, ours first."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for name, one in sweeps(json.loads(run.result)).items():
            found.setdefault(name, []).append(1e-6 * float(one["median"]))
    return found


def bounds(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    """Sentences on METG that is only a bound, where a sweep did not cross half of the peak; runs by point."""
    kinds = {"at_most": "smaller than what is given", "at_least": "larger than what is given"}
    found: dict[str, list[str]] = {}
    for label, mine in runs.items():
        seen = {(one["is"], name) for run in mine for name, one in sweeps(json.loads(run.result)).items()}
        for kind, name in sorted(seen):
            if kind in kinds:
                found.setdefault(kind, []).append(f"{name} at {label}")
    return [f"METG may be {kinds[kind]} for {', '.join(which)}." for kind, which in found.items()]
