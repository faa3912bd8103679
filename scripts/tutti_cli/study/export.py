"""`tutti study export`: every run as a line of CSV, or the times as an experiment of Extra-P.

Extra-P (https://github.com/extra-p/extrap) models how a time depends on parameters. Its JSON input is

    {"parameters": [name], "measurements": {callpath: {metric: [{"point": [value], "values": [value]}]}}}

with one value of a point for each parameter, in order. Parameters are here what varies and is a number:
ranks, threads, and options (of a list of numbers, their product). Words that vary, such as the schedule,
make callpaths of their own.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..common import OK, USAGE, Failure, counted, say
from . import store
from .factors import numbers
from .metg import sweeps
from .model import Point, Study
from .plot_roofline import operations
from .store import Run, Store

FEWEST = 5  # values of a parameter that Extra-P asks for


def columns(kept: Store) -> list[dict[str, Any]]:
    """One row a run, in the order in which they ran; factors and figures of merit have their own columns."""
    labels = kept.study.labels()
    rows = []
    for run in kept.runs:
        point = kept.study.points[run.point]
        row: dict[str, Any] = {"point": labels[point], "ranks": point.ranks, "threads": point.threads}
        row["workers"], row["work"] = point.workers, point.work
        row |= {f"option.{name}": point.text(name) for name, _ in point.options}
        row |= {
            one.name: getattr(run, one.name) for one in fields(Run) if one.name not in ("point", "result")
        }
        result = json.loads(run.result) if run.result else {}
        row |= {f"factor.{name}": value for name, value in numbers(result, "factors").items()}
        for merit in result.get("figures_of_merit", []):
            row[f"figure.{merit['name']}"] = merit["value"]
        row |= {key: result.get(key, "") for key in ("version", "git_commit")}
        rows.append(row)
    return rows


def write_csv(kept: Store, file: Path) -> str:
    rows = columns(kept)
    names = dict.fromkeys(name for row in rows for name in row)
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(names), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return counted(len(rows), "run")


def quantity(value: object) -> float | None:
    """A number of an option; of a list, its product."""
    values = value if isinstance(value, tuple) else (value,)
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in values):
        return None
    return float(math.prod(values))


def parameters(study: Study) -> dict[str, dict[Point, float]]:
    """What varies and is a number, at each point."""
    found = {
        "ranks": {point: float(point.ranks) for point in study.points},
        "threads": {point: float(point.threads) for point in study.points},
    }
    for name in study.varying:
        values = {point: quantity(dict(point.options).get(name)) for point in study.points}
        if None not in values.values():
            found[name] = values
    return {name: values for name, values in found.items() if len(set(values.values())) > 1}


def measured(run: Run, app: str) -> dict[tuple[str, str], float]:
    """By callpath and metric."""
    result: Mapping[str, Any] = json.loads(run.result)
    if sweeps(result):
        return {(app, "METG"): run.time_s}
    found = {(app, "time"): run.time_s}
    steps = result.get("efficiency", {}).get("steps")
    for one in operations(result) if steps else []:
        found[f"{app}->{one['name']}", "time"] = (
            one["time_s"] / steps
        )  # of all workers together, per iteration
    return found


def extrap(kept: Store) -> dict[str, Any]:
    study = kept.study
    used = parameters(study)
    if not used:
        raise Failure("there is nothing for Extra-P: no number varies between the points", USAGE)
    app = study.app.rsplit("/", 1)[-1]
    words = [name for name in study.varying if name not in used]
    values: dict[str, dict[str, dict[tuple[float, ...], list[float]]]] = {}
    for number, point in enumerate(study.points):
        place = tuple(by_point[point] for by_point in used.values())
        series = " ".join(point.text(name) for name in words)
        for run in kept.of(number):
            for (path, metric), value in measured(run, f"{app} {series}".strip()).items():
                values.setdefault(path, {}).setdefault(metric, {}).setdefault(place, []).append(value)
    measurements = {
        path: {
            metric: [{"point": list(place), "values": found} for place, found in sorted(points.items())]
            for metric, points in metrics.items()
        }
        for path, metrics in values.items()
    }
    return {"parameters": list(used), "measurements": measurements}


def write_extrap(kept: Store, file: Path) -> str:
    found = extrap(kept)
    file.write_text(json.dumps(found, indent=1) + "\n")
    few = [name for name, values in parameters(kept.study).items() if len(set(values.values())) < FEWEST]
    text = f"{counted(len(found['measurements']), 'callpath')} over {', '.join(found['parameters'])}"
    return text + (f"; Extra-P asks for {FEWEST} values, of {', '.join(few)} there are fewer" if few else "")


FORMATS = {"csv": ("runs.csv", write_csv), "extrap": ("extrap.json", write_extrap)}


def verb(folder: str, files: Mapping[str, str | None]) -> int:
    """files: by format, where to write; None: not; empty: beside study.h5."""
    wanted = {form: name for form, name in files.items() if name is not None}
    if not wanted:
        raise Failure("export: say what to write: --csv or --extrap", USAGE)
    kept = store.load(Path(folder))
    for form, name in wanted.items():
        default, write = FORMATS[form]
        file = Path(name) if name else Path(folder) / default
        try:
            said = write(kept, file)
        except OSError as problem:
            raise Failure(f"cannot write {file}: {problem.strerror}") from problem
        say(f"export: {file}: {said}")
    return OK
