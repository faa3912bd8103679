"""The fit of the universal scalability law to studies whose law is known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from studies import cells_of, synthetic

from tutti_cli.study import plots, usl
from tutti_cli.study.model import Point
from tutti_cli.study.summary import Summary, summarise

TEXT = """kind = "strong"
app = "{app}"
[arguments]
grid = [256, 128, 128]
[axes]
ranks = [1, 2, 4, 8, 16, 32, 64, 128, 256]
[repeats]
initial = {initial}
"""


def law(sigma: float, kappa: float, noise: float = 0.01) -> Callable[[Point, random.Random], float]:
    def step_s(point: Point, generator: random.Random) -> float:
        n = point.workers
        slower = 1.0 + sigma * (n - 1) + kappa * n * (n - 1)
        return cells_of(point) / 6e8 / n * slower * generator.lognormvariate(0.0, noise)

    return step_s


def fitted(folder: Path, sigma: float, kappa: float, **more: object) -> tuple[Summary, usl.Fit]:
    found = summarise(synthetic(folder, TEXT, step_s=law(sigma, kappa), **more))
    (fit,) = found.fits
    return found, fit


def test_a_known_law_is_found(tmp_path: Path) -> None:
    found, fit = fitted(tmp_path, 0.01, 2e-5, repeats=9)
    assert fit.sigma == pytest.approx(0.01, rel=0.1) and fit.kappa == pytest.approx(2e-5, rel=0.1)
    assert fit.peak == pytest.approx(math.sqrt(0.99 / 2e-5), rel=0.05)
    intervals = fit.intervals()
    for name, true in (("sigma", 0.01), ("kappa", 2e-5), ("peak", math.sqrt(0.99 / 2e-5))):
        low, high = intervals[name]
        assert low < getattr(fit, name) < high and high - low < 0.5 * true, name
    assert fit.error < 0.03
    table = usl.table(found.fits)
    assert len(table) == 2 and len(table[0]) == len(table[1])
    assert "extrapolated" not in " ".join(usl.notes(found.fits)), "the peak at 222 workers was measured"
    with plots.plt.rc_context(plots.paper("single")):
        figure = plots.PLOTS["speedup"][0](found)
    assert "peak at 2" in figure.legends[0].get_texts()[0].get_text()
    plots.plt.close(figure)


def test_intervals_cover_about_as_often_as_they_say(tmp_path: Path) -> None:
    hits, rounds = 0, 25
    for seed in range(rounds):
        folder = tmp_path / str(seed)
        folder.mkdir()
        _, fit = fitted(folder, 0.01, 2e-5, repeats=9, seed=seed)
        low, high = fit.intervals()["sigma"]
        hits += low <= 0.01 <= high
    assert hits / rounds > 0.75


def test_without_contention_between_workers_there_is_no_peak(tmp_path: Path) -> None:
    found, fit = fitted(tmp_path, 0.02, 0.0, repeats=6)
    assert fit.sigma == pytest.approx(0.02, rel=0.1) and fit.intervals()["kappa"][0] == 0.0
    assert fit.peak > 256
    assert "extrapolated" in " ".join(usl.notes(found.fits)), "no peak was measured"


def test_better_than_ideal_is_no_negative_coefficient(tmp_path: Path) -> None:
    _, fit = fitted(tmp_path, -0.001, 0.0, repeats=3)
    assert fit.sigma == 0.0 and fit.kappa == 0.0 and math.isinf(fit.peak)
    assert fit.error > 0.05, "and the error tells that the law does not hold"


def test_one_repeat_has_no_interval(tmp_path: Path) -> None:
    _, fit = fitted(tmp_path, 0.01, 2e-5, repeats=1)
    assert fit.intervals() is None and usl.table([fit])[1][3] == "-"


def test_too_few_points_or_cores_are_not_fitted(tmp_path: Path) -> None:
    assert summarise(synthetic(tmp_path, TEXT.replace(", 8, 16, 32, 64, 128, 256", ""))).fits == []
    other = tmp_path / "other"
    other.mkdir()
    assert summarise(synthetic(other, TEXT, cores=4)).fits == [], (
        "only 1, 2 and 4 have a core for each worker"
    )
