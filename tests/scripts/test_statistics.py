"""Medians, order-statistic intervals and the bootstrap."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from tutti_cli.statistics import bootstrap, coverage, estimate, mann_whitney, median, ratio, ratio_of_medians


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


def test_mann_whitney_against_all_orders() -> None:
    m, n = 3, 4
    counts = [0] * (m * n + 1)
    for places in itertools.combinations(range(m + n), m):
        counts[sum(place - i for i, place in enumerate(places))] += 1
    sums = [sum(counts[: u + 1]) / math.comb(m + n, m) for u in range(m * n + 1)]
    assert mann_whitney(m, n) == pytest.approx(sums)


def test_a_ratio_is_exact_for_few_values() -> None:
    six = [1.0, 1.1, 0.9, 1.05, 0.95, 1.02]
    found = ratio([2.0 * one for one in six], six)
    assert found.value == pytest.approx(2.0, rel=0.05) and found.low < 2.0 < found.high
    assert found.coverage == pytest.approx(0.9589, abs=1e-4)  # U <= 5 of two samples of six, from the tables
    assert ratio([2.0] * 3, [1.0] * 3).coverage == pytest.approx(0.9)
    assert ratio([2.0] * 4, [1.0] * 4).coverage == pytest.approx(1.0 - 2.0 / 70.0)
    assert ratio([3.0], [1.5]).value == pytest.approx(2.0) and ratio([3.0], [1.5]).coverage == 0.0


@pytest.mark.parametrize(("m", "n"), [(6, 6), (4, 20), (45, 50)])
def test_ratios_cover_as_often_as_they_say(m: int, n: int) -> None:
    generator = np.random.default_rng(11)
    hits, rounds = 0, 1500
    for _ in range(rounds):
        found = ratio(generator.lognormal(0.2, 0.5, m), generator.lognormal(0.0, 0.5, n))
        hits += found.low <= math.exp(0.2) <= found.high
    assert hits / rounds == pytest.approx(found.coverage, abs=0.02)
