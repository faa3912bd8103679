"""Whole runs of cg: the same bits on any ranks and threads, known results, and command lines."""

from __future__ import annotations

import itertools
import tempfile
import unittest
from pathlib import Path
from random import Random

from launch import LONG, features, run

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = None

LAYOUTS = [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1)]  # ranks, threads


def figures(report: dict) -> dict[str, float]:
    return {m["name"]: m["value"] for m in report["figures_of_merit"]}


def layouts() -> list[tuple[int, int]]:
    return [(r, t) for r, t in LAYOUTS if r == 1 or "mpi" in features("cg")]


class SameBits(unittest.TestCase):
    def same(self, *words: object) -> None:
        seen = {}
        for ranks, threads in layouts():
            result = run("cg", *words, "--global", "--repeat", 1, ranks=ranks, threads=threads)
            self.assertEqual(result.status, 0, result)
            seen[ranks, threads] = (result.report["checksum"], result.report["residual_history"])
        first = seen[1, 1]
        self.assertGreater(len(first[1]), 2)
        for layout, found in seen.items():
            self.assertEqual(found, first, layout)

    def test_multigrid(self) -> None:
        self.same("--grid", "64,64,64" if LONG else "32,24,40", "--tile", 13, "--max-iterations", 60)

    def test_other_solvers(self) -> None:
        self.same("--grid", "20,17,9", "--tile", 8, "--solver", "cg", "--tolerance", 1e-6)
        self.same("--grid", "16,24,16", "--solver", "pipelined", "--format", "csr", "--tile", "6,8,16")
        self.same("--grid", "20,17,9", "--tile", 8, "--preconditioner", "jacobi", "--schedule", "bulk")

    def test_formats_and_schedules(self) -> None:
        seen = {
            (form, schedule): run(
                "cg",
                "--grid",
                24,
                "--tile",
                9,
                "--repeat",
                1,
                "--format",
                form,
                "--schedule",
                schedule,
                threads=2,
            ).report
            for form, schedule in itertools.product(["csr", "sell", "dia"], ["tasks", "bulk"])
        }
        self.assertEqual(len({r["checksum"] for r in seen.values()}), 1)
        self.assertEqual(len({tuple(r["residual_history"]) for r in seen.values()}), 1)


class Report(unittest.TestCase):
    def test_history_and_figures(self) -> None:
        result = run("cg", "--grid", 16, "--repeat", 2)
        self.assertEqual(result.status, 0, result)
        history = [float.fromhex(x) for x in result.report["residual_history"]]
        found = figures(result.report)
        self.assertEqual(found["iterations"], len(history) - 1)
        self.assertEqual(history[0], 1.0)
        self.assertLessEqual(history[-1], 1e-9)
        self.assertGreater(history[-2], 1e-9)
        for name in ("raw_gflops", "triad_gb_s", "read_gb_s", "spmv_fraction_of_read"):
            self.assertGreater(found[name], 0, name)

    def test_benchmark(self) -> None:
        ranks = 2 if "mpi" in features("cg") else 1
        result = run("cg", "--grid", 16, "--tile", 8, "--benchmark", "--benchmark-time", 0.1, ranks=ranks)
        self.assertEqual(result.status, 0, result)
        found = figures(result.report)
        self.assertGreaterEqual(found["iterations"], 50)
        self.assertGreater(found["raw_gflops"], found["rating_gflops"])
        self.assertGreater(found["rating_gflops"], 0)
        checks = {c["name"] for c in result.report["verification"]}
        self.assertLessEqual({"spectral_test_plain", "asymmetry_preconditioner", "residual"}, checks)

    def test_what_does_not_converge_is_not_verified(self) -> None:
        result = run("cg", "--grid", 16, "--repeat", 1, "--max-iterations", 3)
        self.assertEqual(result.status, 1, result)
        self.assertIn("residual", result.stderr)

    def test_grids_per_rank(self) -> None:
        if "mpi" not in features("cg"):
            self.skipTest("one rank")
        result = run("cg", "--grid", "8,16,24", "--repeat", 1, ranks=4)
        self.assertEqual(result.report["config"]["grid"], [16, 32, 24])


def write_matrix(path: Path, n: int) -> None:
    """An irregular graph's Laplacian plus the identity: a few rows are long, most are short."""
    random = Random(7)
    edges = {(i + 1, i) for i in range(n - 1)}
    edges |= {(i, random.randrange(i)) for i in range(1, n) for _ in range(random.randrange(4))}
    edges |= {(i, hub) for hub in (0, n // 2) for i in range(hub + 1, n, 3)}
    degree = [1] * n
    for i, j in edges:
        degree[i] += 1
        degree[j] += 1
    lines = ["%%MatrixMarket matrix coordinate real symmetric", f"{n} {n} {n + len(edges)}"]
    lines += [f"{i + 1} {i + 1} {d}" for i, d in enumerate(degree)]
    lines += [f"{i + 1} {j + 1} -1" for i, j in sorted(edges)]
    path.write_text("\n".join(lines) + "\n")


class Matrices(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.matrix = self.folder / "graph.mtx"
        write_matrix(self.matrix, 700)

    def test_same_bits_on_any_layout(self) -> None:
        seen = {}
        for ranks, threads in layouts():
            result = run(
                "cg", "--matrix", self.matrix, "--rhs", "random", "--tile", 64, "--repeat", 1,
                ranks=ranks, threads=threads,
            )  # fmt: skip
            self.assertEqual(result.status, 0, result)
            seen[ranks, threads] = (result.report["checksum"], result.report["residual_history"])
        for layout, found in seen.items():
            self.assertEqual(found, seen[1, 1], layout)

    def test_rhs_from_a_file(self) -> None:
        # the rows of the Laplacian sum to 0, so the solution of A x = 1 is 1
        rhs = self.folder / "ones.mtx"
        rhs.write_text("%%MatrixMarket matrix array real general\n700 1\n" + "1\n" * 700)
        runs = [
            run("cg", "--matrix", self.matrix, "--rhs", r, "--tolerance", 1e-13, "--solver", s, "--repeat", 1)
            for r, s in ((rhs, "pcg"), ("ones", "pcg"), ("ones", "cg"))
        ]
        for result in runs:
            self.assertEqual(result.status, 0, result)
        self.assertEqual(runs[0].report["checksum"], runs[1].report["checksum"])
        self.assertLessEqual(figures(runs[0].report)["iterations"], 60)

    def test_files_that_do_not_fit(self) -> None:
        header = "%%MatrixMarket matrix coordinate real general\n"
        for text, wanted in (
            (header + "2 3 3\n1 1 1\n2 2 1\n2 3 1\n", "a system needs a square matrix"),
            (header + "3 3 3\n1 1 1\n1 2 1\n1 1 2\n", "entry (0, 0), counted from 0, is given twice"),
            (header + "3 3 2\n1 1 1\n1 2 1\n", "some row has none"),
            (header + "2 2 2\n1 1 1\n2 1 1\n", "no diagonal entry"),
            ("nonsense\n", "line 1"),
        ):
            path = self.folder / "bad.mtx"
            path.write_text(text)
            result = run("cg", "--matrix", path, report=False)
            self.assertEqual(result.status, 2, result)
            self.assertEqual(len(result.errors), 1, result)
            self.assertIn(wanted, result.errors[0])


@unittest.skipUnless("hdf5" in features("cg") and h5py, "needs HDF5 in the build and h5py")
class Output(unittest.TestCase):
    def solution(self, folder: Path, *words: object, ranks: int) -> tuple[np.ndarray, list[float]]:
        result = run("cg", *words, "--output", folder / "x.h5", "--repeat", 1, ranks=ranks)
        self.assertEqual(result.status, 0, result)
        with h5py.File(folder / "x.h5") as file:
            self.assertEqual(file["tutti"].attrs["app"], b"cg")
            history = list(file["residual_history"][:])
            self.assertEqual(history, [float.fromhex(v) for v in result.report["residual_history"]])
            return file["x"][:], history

    def test_solution_and_history_on_any_ranks(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_matrix(folder / "graph.mtx", 300)
            for words, shape in (
                (("--grid", "12,20,16", "--global", "--tile", 6), (12, 20, 16)),
                (("--matrix", folder / "graph.mtx", "--tile", 64), (300,)),
            ):
                one = self.solution(folder, *words, ranks=1)
                self.assertEqual(one[0].shape, shape)
                self.assertLess(abs(one[0] - 1).max(), 1e-6)
                if "mpi" in features("cg"):
                    three = self.solution(folder, *words, ranks=3)
                    self.assertEqual(three[0].tobytes(), one[0].tobytes())
                    self.assertEqual(three[1], one[1])

    def test_a_place_that_cannot_be_written(self) -> None:
        result = run("cg", "--grid", 8, "--output", "/no/such/folder/x.h5", report=False)
        self.assertEqual(result.status, 3, result)
        self.assertEqual(len(result.errors), 1, result)


class BadInput(unittest.TestCase):
    def test_refused_with_one_line(self) -> None:
        for words, text in (
            (("--grid", "4,4"), "--grid takes NX,NY,NZ"),
            (("--solver", "cg", "--preconditioner", "mg"), "--solver cg takes no preconditioner"),
            (("--format", "coo"), "--format"),
            (("--benchmark", "--global"), "--benchmark takes the grid of a rank"),
            (("--benchmark", "--grid", "20"), "not divisible by 8"),
            (("--schedule", "kokkos"), "--schedule kokkos"),
            (("--matrix", "a.mtx", "--grid", "8"), "--matrix excludes"),
            (("--matrix", "a.mtx", "--preconditioner", "mg"), "--preconditioner mg"),
            (("--rhs", "ones"), "--rhs needs --matrix"),
            (("--tolerance", "-1"), "--tolerance"),
            (("--max-iterations", "0"), "--max-iterations"),
        ):
            result = run("cg", *words, report=False)
            self.assertEqual(result.status, 2, result)
            self.assertEqual(len(result.errors), 1, result)
            self.assertIn(text, result.errors[0])
