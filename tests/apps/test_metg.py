"""The metg app as its users meet it: all patterns on all layouts, comparisons, sweeps, and bad input."""

from __future__ import annotations

import json
import os
import unittest
import unittest.mock

import launch

HAS_MPI = "mpi" in launch.features("metg")
LAYOUTS = tuple(layout for layout in ((1, 2), (2, 1), (4, 2)) if layout[0] == 1 or HAS_MPI)  # ranks x threads
PATTERNS = [
    "trivial",
    "no_comm",
    "stencil_1d",
    "stencil_1d_periodic",
    "dom",
    "tree",
    "fft",
    "all_to_all",
    "nearest",
    "spread",
    "random_nearest",
]
STEPS = 23  # coprime to the periods


def metg(*words: object, **layout: int) -> launch.Result:
    return launch.run("metg", *words, **layout)


class MetgTest(unittest.TestCase):
    def verified(self, *words: object, **layout: int) -> dict:
        result = metg(*words, **layout)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(result.errors, [], result)
        self.assertIsNotNone(result.report, result)
        return result.report


def merits(report: dict) -> dict[str, float]:
    return {m["name"]: m["value"] for m in report["figures_of_merit"]}


class Patterns(MetgTest):
    """metg itself counts tasks and checks every input. (tests/ranks has all patterns on all layouts.)"""

    def test_patterns_on_layouts(self) -> None:
        for pattern in PATTERNS if launch.LONG else ("nearest", "tree"):
            words = ("--pattern", pattern, "--steps", STEPS, "--width", 13, "--radix", 5, "--graphs", 2)
            checksums = set()
            for ranks, threads in LAYOUTS:
                with self.subTest(pattern=pattern, ranks=ranks, threads=threads):
                    report = self.verified(
                        *words, "--output-bytes", 48, "--repeat", 1, ranks=ranks, threads=threads
                    )
                    names = {c["name"] for c in report["verification"]}
                    self.assertEqual(names, {"wrong_inputs", "missing_tasks"})
                    checksums.add(report["checksum"])
            self.assertEqual(len(checksums), 1, pattern)

    def test_kernels(self) -> None:
        for kernel in ("empty", "busy_wait", "memory_bound", "load_imbalance"):
            with self.subTest(kernel):
                words = ("--kernel", kernel, "--steps", STEPS, "--width", "3x", "--repeat", 1)
                report = self.verified(*words, threads=2)
                self.assertEqual(report["config"]["width"], 6)
        self.verified(
            "--kernel", "load_imbalance", "--persistent", "--steps", STEPS, "--repeat", 1, threads=2
        )

    def test_schedule_bulk(self) -> None:
        words = ("--pattern", "spread", "--width", 8, "--steps", STEPS, "--repeat", 1)
        tasks = self.verified(*words, threads=2)
        bulk = self.verified(*words, "--schedule", "bulk", threads=2)
        self.assertEqual(tasks["checksum"], bulk["checksum"])

    def test_fewer_points_than_workers(self) -> None:
        self.verified("--width", 1, "--steps", STEPS, "--repeat", 1, ranks=2 if HAS_MPI else 1, threads=2)

    def test_unchecked_runs_say_so(self) -> None:
        result = metg("--no-check", "--steps", STEPS, "--repeat", 1)
        self.assertEqual(result.status, 0, result)
        self.assertIs(result.report["config"]["checked"], False)
        self.assertIn("NO: timed without checking inputs", result.stdout)
        self.assertEqual([c["name"] for c in result.report["verification"]], ["missing_tasks"])


class Comparisons(MetgTest):
    SYSTEMS = ("one-rank", "omp-task", "omp-for")

    def test_others_run_the_same_patterns(self) -> None:
        ranks = 2 if HAS_MPI else 1
        systems = (*self.SYSTEMS, "mpi") if HAS_MPI else self.SYSTEMS
        for pattern in PATTERNS if launch.LONG else ("dom", "spread"):
            with self.subTest(pattern):
                report = self.verified(
                    *("--pattern", pattern, "--steps", STEPS, "--width", 6, "--graphs", 2, "--repeat", 1),
                    *("--against", ",".join(systems)),
                    ranks=ranks,
                )
                checks = {c["name"] for c in report["verification"]}
                for system in systems:
                    self.assertLessEqual({f"wrong_inputs_{system}", f"missing_tasks_{system}"}, checks)
                    self.assertGreater(merits(report)["time_ratio_" + system.replace("-", "_")], 0)

    def test_tbb_where_it_was_found(self) -> None:
        words = ("--against", "tbb", "--steps", STEPS, "--width", 6, "--repeat", 2)
        result = metg(*words, "--pattern", "spread", threads=2)
        if result.status == 2:
            self.assertIn("oneTBB was not found", result.stderr)
            return
        for pattern in PATTERNS if launch.LONG else ("dom", "trivial", "fft"):
            with self.subTest(pattern):
                self.verified(*words, "--pattern", pattern, threads=2)

    def test_empty_tasks_show_the_overhead_and_its_bounds(self) -> None:
        ranks = 2 if HAS_MPI else 1
        found = merits(self.verified("--iterations", 0, "--steps", STEPS, "--repeat", 1, ranks=ranks))
        self.assertGreater(found["overhead_per_task_ns"], 0)
        self.assertGreater(found["overhead_per_step_ns"], 0)
        if HAS_MPI:
            self.assertGreater(found["message_latency_ns"], 0)


class Sweep(MetgTest):
    def test_figures_and_points(self) -> None:
        report = self.verified(
            *("--sweep", "--steps", 40, "--repeat", 2, "--against", "omp-for", "--width", "2x"), threads=2
        )
        found = merits(report)
        self.assertLessEqual({"overhead_per_task_ns", "overhead_per_step_ns_omp_for"}, set(found))
        series = {s["system"]: s for s in report["series"]["efficiency"]}
        self.assertEqual(set(series), {"tutti", "omp-for"})
        for name, suffix in (("tutti", ""), ("omp-for", "_omp_for")):
            one = series[name]
            self.assertEqual(len(one["rounds"]), 2)
            self.assertGreaterEqual(len(one["points"]), 2)
            self.assertTrue(all(p["granularity_us"] > 0 and p["efficiency"] > 0 for p in one["points"]))
            if one["metg50_us"]["is"] == "found":
                self.assertEqual(found["metg50_us" + suffix], one["metg50_us"]["median"])

    def test_recorded_patterns(self) -> None:
        self.verified("--sweep", "--pattern", "tree", "--steps", 30, "--repeat", 1)


class BadInput(MetgTest):
    """One line for all ranks and status 2."""

    def refused(self, part: str, *words: object) -> None:
        ranks = 2 if HAS_MPI else 1
        with self.subTest(words=words):
            result = metg(*words, ranks=ranks, report=False)
            self.assertEqual(result.status, 2, result)
            self.assertEqual(len(result.errors), 1, result)
            self.assertIn(part, result.errors[0])
            self.assertEqual(result.stdout, "", result)

    def test_options(self) -> None:
        self.refused("--pattern takes one of", "--pattern", "ring")
        self.refused("--kernel takes one of", "--kernel", "dgemm")
        self.refused("--width", "--width", "x")
        self.refused("--width", "--width", "0")
        self.refused("--output-bytes", "--output-bytes", "24")
        self.refused("--fraction", "--fraction", "1.5")
        self.refused("--imbalance", "--imbalance", "3")
        self.refused("--period", "--period", "0")
        self.refused("at most 2520", "--pattern", "dom", "--steps", "3000")
        self.refused("--against", "--against", "mpi,hpx")
        self.refused("--sweep needs", "--sweep", "--kernel", "empty")
        self.refused("--tile", "--tile", "4")
        self.refused("--output", "--output", "tasks.h5")

    def test_comparisons_that_this_job_cannot_have(self) -> None:
        result = metg("--against", "mpi", report=False)
        self.assertEqual(result.status, 2, result)
        self.assertEqual(len(result.errors), 1, result)


@unittest.skipUnless(HAS_MPI, "built without MPI")
class ThreadLevel(unittest.TestCase):
    """TUTTI_MPI_THREADS=single: MPI without locks, for ranks of one worker."""

    def at(self, level: str, threads: int) -> launch.Result:
        with unittest.mock.patch.dict(os.environ, {"TUTTI_MPI_THREADS": level}):
            return metg("--steps", STEPS, "--messages", "mpi", "--repeat", 1, ranks=2, threads=threads)

    def test_one_worker(self) -> None:
        result = self.at("single", threads=1)
        self.assertEqual(result.status, 0, result)
        self.assertIn("thread level single", json.dumps(result.report))

    def test_more_workers(self) -> None:
        result = self.at("single", threads=2)
        self.assertEqual(result.status, 3, result)
        self.assertEqual(len(result.errors), 1, result)
        self.assertIn("use --threads 1", result.errors[0])

    def test_another_word(self) -> None:
        result = self.at("several", threads=1)
        self.assertEqual(result.status, 2, result)
        self.assertEqual(len(result.errors), 1, result)
        self.assertIn("TUTTI_MPI_THREADS", result.errors[0])


if __name__ == "__main__":
    unittest.main()
