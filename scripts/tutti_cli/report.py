"""The page of a study: one HTML file that needs nothing else. Needs jinja2."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from .study import Repeat
from .summary import Summary, body, coverage_note, headings, verdict

TEMPLATES = Path(__file__).parent / "templates"


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:  # noqa: ANN401
    """Nested objects of the app's JSON as rows of a table."""
    if isinstance(value, Mapping):
        rows: list[tuple[str, str]] = []
        for key, inner in value.items():
            rows += flat(inner, f"{prefix} {key}".strip().replace("_", " "))
        return rows
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return [row for number, item in enumerate(value) for row in flat(item, f"{prefix} {number}".strip())]
    if isinstance(value, list):
        value = ", ".join(str(item) for item in value)
    text = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return [(prefix, text)] if text else []


def provenance(repeats: Sequence[Repeat], settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What one needs to know to judge or repeat the study; of a point's values, those of the first run."""
    result = repeats[0].result
    rows = [("date", time.strftime("%Y-%m-%d %H:%M %Z"))]
    rows += [(key.replace("_", " "), str(result.get(key, "unknown"))) for key in ("version", "git_commit")]
    rows += flat(result.get("machine", {}), "machine") + flat(result.get("config", {}), "config")
    return rows + flat(dict(settings), "study")


def figures(repeats: Sequence[Repeat], summary: Summary) -> list[tuple[str, str]]:
    """The app's own figures of merit at the fastest point, from its repeat with the middle time."""
    best = min(summary.rows, key=lambda row: row.time_s.median).point
    runs = sorted((one for one in repeats if one.point == best), key=lambda one: one.time_s)
    chosen = runs[(len(runs) - 1) // 2]
    rows = [("point", best.key)]
    for merit in chosen.result.get("figures_of_merit", []):
        number = merit["value"]
        text = f"{number:.3g}" if isinstance(number, float) else str(number)
        unit = "" if merit.get("unit") == "1" else merit.get("unit", "")
        rows.append((str(merit["name"]), f"{text} {unit}".strip()))
    return rows


def page(
    title: str,
    summary: Summary,
    repeats: Sequence[Repeat],
    svg: Mapping[str, str],
    settings: Mapping[str, Any],
) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    commands = {one.point.key: one.command for one in repeats if one.number == 1}
    return environment.get_template("report.html").render(
        title=title,
        good=summary.good,
        verdict=verdict(summary),
        headings=headings(summary.rows),
        rows=[
            (row.point.key in (*summary.deviating, *summary.unverified), words)
            for row, words in zip(summary.rows, body(summary.rows), strict=True)
        ],
        checksums=[(row.point.key, row.checksum) for row in summary.rows] if summary.deviating else [],
        base=summary.base,
        note=coverage_note(summary.rows),
        plots={name: Markup(text) for name, text in svg.items()},  # our own SVG, not input
        figures=figures(repeats, summary),
        provenance=provenance(repeats, settings),
        commands=commands,
    )
