"""Medians, order-statistic intervals and the bootstrap."""

from __future__ import annotations

import random

import pytest

from tutti_cli.statistics import bootstrap, coverage, estimate, median, ratio_of_medians


def test_median() -> None:
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2.5
    with pytest.raises(ValueError, match="no values"):
        median([])


def test_coverage_of_known_cases() -> None:
    assert coverage(5, 0) == pytest.approx(0.9375)
    assert coverage(6, 0) == pytest.approx(0.96875)
    assert coverage(9, 1) == pytest.approx(0.9609375)
    assert coverage(20, 5) == pytest.approx(0.9586, abs=1e-4)  # [x6, x15], from the tables


def test_the_interval_is_the_narrowest_that_covers() -> None:
    nine = estimate([float(i) for i in range(1, 10)])
    assert (nine.median, nine.low, nine.high, nine.n) == (5, 2, 8, 9)
    six = estimate([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    assert (six.low, six.high) == (1, 6)


def test_few_values_give_their_range_and_say_what_it_covers() -> None:
    three = estimate([1.0, 2.0, 3.0])
    assert (three.low, three.high) == (1, 3)
    assert three.coverage == pytest.approx(0.75)
    one = estimate([2.0])
    assert (one.median, one.low, one.high, one.coverage) == (2, 2, 2, 0)


def test_intervals_cover_as_often_as_they_say() -> None:
    generator = random.Random(7)
    hits = 0
    for _ in range(2000):
        found = estimate([generator.lognormvariate(0.0, 0.5) for _ in range(9)])  # true median 1
        hits += found.low <= 1.0 <= found.high
    assert 0.945 < hits / 2000 < 0.975


def test_bootstrap_is_repeatable_and_holds_the_ratio() -> None:
    above = [2.0, 2.1, 1.9, 2.05, 1.95, 2.02]
    below = [1.0, 1.05, 0.95, 1.02, 0.98, 1.01]
    low, high = bootstrap([above, below], ratio_of_medians)
    assert (low, high) == bootstrap([above, below], ratio_of_medians)
    assert low < 2.0 < high
    assert high - low < 0.4
