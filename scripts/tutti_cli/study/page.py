"""The page of a study: one HTML file that needs nothing else. Needs jinja2."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from . import plot_roofline, schedules, tables, usl
from .factors import efficiency
from .model import METG
from .store import Store
from .summary import Row, Summary

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


def provenance(store: Store, row: Row) -> list[tuple[str, str]]:
    """What one needs to know to judge or repeat the study; of a point's values, those of one run."""
    begin, end = (one.started[:16].replace("T", " ") for one in (store.runs[0], store.runs[-1]))
    rows = [("runs", f"{len(store.runs)}, from {begin} to {end}")]
    rows += [
        (key.replace("_", " "), str(row.result.get(key, "unknown"))) for key in ("version", "git_commit")
    ]
    return (
        rows + flat(row.result.get("machine", {}), "machine") + flat(row.result.get("config", {}), "config")
    )


def merits(row: Row) -> list[tuple[str, str]]:
    """The app's own figures of merit."""
    rows = []
    for merit in row.result.get("figures_of_merit", []):
        value = merit["value"]
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        unit = "" if merit.get("unit") == "1" else merit.get("unit", "")
        rows.append((str(merit["name"]), f"{text} {unit}".strip()))
    return rows


def operations(row: Row | None) -> list[list[str]]:
    """A table, headings first; empty where the app measured no operations."""
    found = plot_roofline.operations(row.result) if row else []
    if not found:
        return []
    table = [["operation", "calls", "share of time", "GFLOP/s", "GB/s", "flops per byte", "of roofline"]]
    for one in found:
        rates = (figure(one.get(key), "{:.3g}") for key in ("gflops", "gb_s", "intensity"))
        share, fraction = (figure(one.get(key), "{:.0%}") for key in ("share", "fraction_of_roofline"))
        table.append([str(one["name"]), f"{one['calls']:.0f}", share, *rates, fraction])
    return table


def figure(value: object, form: str) -> str:
    return form.format(value).replace("%", " %") if plot_roofline.is_number(value) else "-"


def explanations(summary: Summary) -> list[tuple[str, str]]:
    """What the app says about the base cases and the fastest point."""
    rows = dict.fromkeys([*(row.label for row in summary.bases if summary.scaling), summary.fastest.label])
    found = []
    for row in summary.rows:
        sentences = efficiency(row.result).get("explanation")
        if row.label in rows and isinstance(sentences, list) and sentences:
            found.append((row.label, " ".join(str(sentence) for sentence in sentences)))
    return found


def headline(summary: Summary) -> list[tuple[str, str]]:
    """The few figures that one looks for first: value and what it is."""
    best = summary.fastest
    what = "per iteration" if summary.study.kind != METG else summary.study.quantity
    found = [
        (
            tables.duration(best.time_s.median),
            f"{what} at the {'fastest' if what[0] == 'p' else 'best'} point, {best.label}",
        )
    ]
    if summary.scaling:
        found.append((f"{best.speedup:.2f}", f"times {best.base}"))
        found.append((f"{best.efficiency:.2f}", "efficiency there"))
    if best.factors:
        name, value = min(best.factors.named, key=lambda part: part[1])
        found.append((f"{value:.2f}", f"{name}, its lowest POP factor"))
    return found


def page(title: str, summary: Summary, store: Store, svg: Mapping[str, str], plot_rem: int = 24) -> str:
    """plot_rem: the least width of a plot where there is room, in letters' heights."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    wrong = {*summary.unverified, *(label for label, _ in summary.failures)}
    factored = [row for row in summary.rows if row.factors]
    return environment.get_template("report.html").render(
        title=title,
        plot_rem=plot_rem,
        subtitle=tables.setting(summary),
        good=summary.good,
        headline=headline(summary),
        verdict=tables.verdict(summary),
        notes=tables.notes(summary),
        numbers=tables.numbers(summary),
        factors=tables.pop(summary),
        usl=usl.table(summary.fits),
        usl_notes=usl.notes(summary.fits),
        schedules=schedules.table(schedules.contests(summary)),
        schedules_notes=schedules.notes(schedules.contests(summary)),
        marks={
            "numbers": [mark(row, wrong) for row in summary.rows],
            "factors": [mark(row, wrong) for row in factored],
        },
        words=len(summary.study.varying),
        good_value=tables.GOOD,
        plots={name: Markup(text) for name, text in svg.items()},  # our own SVG, not input
        explanations=explanations(summary),
        operations=operations(plot_roofline.shown(summary)),
        operations_of=getattr(plot_roofline.shown(summary), "label", ""),
        fastest=summary.fastest,
        merits=merits(summary.fastest),
        provenance=provenance(store, summary.fastest),
        commands=[row.middle.command for row in summary.rows],
        study=summary.study.text,
    )


def mark(row: Row, wrong: set[str]) -> str:
    """The class of a table's row."""
    if row.label in wrong:
        return "bad"
    return "over" if row.oversubscribed else ""
