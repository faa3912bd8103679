#!/usr/bin/env python3
"""Writes matrices such as users bring, as Matrix Market files, at any size and with a seed.

tests/make_matrix.py network --rows 1000 --output network.mtx
tests/make_matrix.py grid --rows 10000000 --output large.mtx.gz     # compressed where the name ends in .gz
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

Entry = tuple[int, int, float]  # row and column from 1, value
LINES_AT_ONCE = 100_000


def grid(rows: int, draw: random.Random) -> Iterator[Entry]:
    """Diffusion with a smooth coefficient on a 2-D grid, five points, positive definite."""
    width = max(1, math.isqrt(rows))
    phase = draw.random()
    coefficient = [1 + 0.5 * math.sin(phase + 0.37 * k) for k in range(1024)]
    for i in range(rows):
        diagonal = 1e-3
        west = coefficient[i & 1023]
        south = coefficient[(i + width) & 1023]
        if i >= width:
            north = coefficient[i & 1023]
            diagonal += north
            yield i + 1, i + 1 - width, -north
        if i % width:
            diagonal += west
            yield i + 1, i, -west
        if (i + 1) % width and i + 1 < rows:
            diagonal += coefficient[(i + 1) & 1023]
        if i + width < rows:
            diagonal += south
        yield i + 1, i + 1, diagonal


def links(rows: int, draw: random.Random) -> Iterator[tuple[int, list[int]]]:
    """A network in which the first nodes collect most links: rows of very different lengths."""
    for i in range(1, rows):
        yield i, sorted({int(i * draw.random() ** 3) for _ in range(1 + i % 4)})


def network(rows: int, draw: random.Random) -> Iterator[Entry]:
    """The Laplacian of a network with weights, plus the identity: positive definite."""
    state = draw.getstate()
    degree = [1.0] * rows
    for pass_, (i, neighbours) in ((p, link) for p in range(2) for link in replay(rows, draw, state)):
        weights = [1 / (1 + (i ^ j) % 7) for j in neighbours]
        if pass_ == 0:
            degree[i] += sum(weights)
            for j, weight in zip(neighbours, weights, strict=True):
                degree[j] += weight
            continue
        for j, weight in zip(neighbours, weights, strict=True):
            yield i + 1, j + 1, -weight
    for i in range(rows):
        yield i + 1, i + 1, degree[i]


def replay(rows: int, draw: random.Random, state: tuple) -> Iterator[tuple[int, list[int]]]:
    draw.setstate(state)
    return links(rows, draw)


def arrow(rows: int, draw: random.Random) -> Iterator[Entry]:
    """One dense row and column and a diagonal; positive definite."""
    yield 1, 1, float(rows)
    for i in range(1, rows):
        yield i + 1, 1, draw.uniform(-0.5, 0.5)
        yield i + 1, i + 1, 2.0


def pattern(rows: int, draw: random.Random) -> Iterator[Entry]:
    """Who is linked to whom, without values."""
    for i, neighbours in links(rows, draw):
        for j in neighbours:
            yield i + 1, j + 1, 1


def integer(rows: int, draw: random.Random) -> Iterator[Entry]:
    """No symmetry, small whole numbers, rows in no order."""
    order = list(range(rows))
    draw.shuffle(order)
    for i in order:
        for j in sorted({i, draw.randrange(rows), draw.randrange(rows)}):
            yield i + 1, j + 1, draw.randint(-9, 9)


def skew(rows: int, draw: random.Random) -> Iterator[Entry]:
    """Currents in a network."""
    for i, neighbours in links(rows, draw):
        for j in neighbours:
            yield i + 1, j + 1, draw.gauss(0, 1)


def vector(rows: int, draw: random.Random) -> Iterator[Entry]:
    """A right-hand side."""
    for i in range(rows):
        yield i + 1, 1, draw.uniform(-1, 1)


@dataclass(frozen=True)
class Kind:
    entries: Callable[[int, random.Random], Iterator[Entry]]
    banner: str
    line: str  # of an entry


KINDS = {
    "grid": Kind(grid, "coordinate real symmetric", "%d %d %.17g\n"),
    "network": Kind(network, "coordinate real symmetric", "%d %d %.17g\n"),
    "arrow": Kind(arrow, "coordinate real symmetric", "%d %d %.17g\n"),
    "pattern": Kind(pattern, "coordinate pattern symmetric", "%d %d\n"),
    "integer": Kind(integer, "coordinate integer general", "%d %d %d\n"),
    "skew": Kind(skew, "coordinate real skew-symmetric", "%d %d %.17g\n"),
    "vector": Kind(vector, "array real general", "%.17g\n"),
}


def lines(kind: Kind, rows: int, seed: int) -> Iterator[str]:
    parts = {2: lambda e: e[:2], 1: lambda e: e[2:], 3: lambda e: e}[kind.line.count("%")]
    for entry in kind.entries(rows, random.Random(seed)):
        yield kind.line % parts(entry)


def write(file: IO[str], name: str, rows: int, seed: int) -> None:
    kind = KINDS[name]
    file.write(f"%%MatrixMarket matrix {kind.banner}\n% {name}, {rows} rows, seed {seed}\n")
    if name == "vector":
        file.write(f"{rows} 1\n")
    else:
        count = sum(1 for _ in kind.entries(rows, random.Random(seed)))
        file.write(f"{rows} {rows} {count}\n")
    text = lines(kind, rows, seed)
    while block := "".join(itertools.islice(text, LINES_AT_ONCE)):
        file.write(block)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    if options.rows < 1:
        parser.error("--rows must be positive")
    if options.output.suffix == ".gz":
        with gzip.open(options.output, "wt", compresslevel=6) as file:
            write(file, options.kind, options.rows, options.seed)
    else:
        with options.output.open("w") as file:
            write(file, options.kind, options.rows, options.seed)


if __name__ == "__main__":
    main()
