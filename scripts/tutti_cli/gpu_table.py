"""The table of `tutti gpu-check`: each figure beside its bound, and what was wanted of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEADER = ("what", "measured", "bound", "fraction", "wanted")


def row(figure: dict[str, Any]) -> tuple[str, ...]:
    value, bound, wanted = figure["value"], figure["bound"], figure["wanted"]
    measured = f"{value:.4g} {figure['unit']}".strip() if value is not None else "not a number"
    if not bound or value is None:
        return figure["name"], measured, "", "", ""
    limit = f"{figure['bound_name']} {bound:.4g}"
    reached = value / bound
    verdict = f">= {wanted:g}: {'yes' if reached >= wanted else 'NO'}" if wanted else ""
    return figure["name"], measured, limit, f"{reached:.3f}", verdict


def table(report: dict[str, Any]) -> list[str]:
    """Figures as aligned lines; then checks that failed, what was left out, and one line that counts."""
    rows = [HEADER, *(row(figure) for figure in report["figures"])]
    lines = aligned(rows) if len(rows) > 1 else []
    lines += [f"FAILED    {c['name']}: {c['detail']}" for c in report["checks"] if not c["passed"]]
    lines += [f"left out  {item['what']}: {item['why']}" for item in report["left_out"]]
    passed = sum(check["passed"] for check in report["checks"])
    lines.append(f"{report['device']}: {passed} checks passed, {len(report['checks']) - passed} failed")
    return lines


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(HEADER))]
    return [
        "  ".join(f"{cell:<{w}}" for cell, w in zip(cells, widths, strict=True)).rstrip() for cells in rows
    ]
