"""What a run says of itself: traces, efficiency, and what limits it."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path

import launch

HAS_RANKS = "mpi" in launch.features("heat")
needs_ranks = unittest.skipUnless(HAS_RANKS, "needs MPI")


class Efficiency(unittest.TestCase):
    """The factors of every run, and the explanation of runs with a problem planted in them."""

    def explained(self, app: str, *words: object, **layout: object) -> str:
        for _ in range(5):
            result = launch.run(app, *words, "--explain", **layout)
            self.assertEqual(result.status, 0, result)
            efficiency = result.report["efficiency"]
            self.check_factors(efficiency)
            sentences = efficiency["explanation"]
            if not sentences[0].startswith("Other programs"):  # this run was not alone on the machine
                break
        self.assertIn(len(sentences), (2, 3))
        for sentence in sentences:
            self.assertIn(sentence, result.stdout)
        return " ".join(sentences)

    def check_factors(self, efficiency: dict) -> None:
        """They multiply; the parallel efficiency is the useful share of all workers' time."""
        f = efficiency["factors"]
        for whole, parts in (
            ("parallel", ("process", "thread")),
            ("process", ("process_load_balance", "process_communication")),
            ("process_communication", ("serialisation", "transfer")),
            ("thread", ("thread_load_balance", "scheduling")),
        ):
            self.assertAlmostEqual(f[whole], f[parts[0]] * f[parts[1]], places=9, msg=whole)
        useful = sum(worker[0] for worker in efficiency["workers"])
        share = useful / (efficiency["elapsed_s"] * len(efficiency["workers"]))
        self.assertAlmostEqual(f["parallel"], share, delta=0.02)
        self.assertAlmostEqual(sum(efficiency["time_share"].values()), 1, places=9)
        for worker in efficiency["workers"]:
            self.assertAlmostEqual(sum(worker), efficiency["elapsed_s"], delta=0.02 * efficiency["elapsed_s"])

    @needs_ranks
    def test_one_slow_rank(self) -> None:
        text = self.explained("planted", "--plant", "slow-rank", ranks=2)
        self.assertIn("Load imbalance between ranks limits this run: rank 1 ", text)
        self.assertIn("it is the rank that is slow", text)

    @needs_ranks
    def test_one_rank_with_twice_the_tiles(self) -> None:
        text = self.explained("planted", "--plant", "uneven", ranks=2)
        self.assertIn("Load imbalance between ranks limits this run: rank ", text)
        self.assertIn("It has 1.33 times the mean share of the work", text)

    def test_more_workers_than_tiles(self) -> None:
        text = self.explained("planted", "--plant", "uneven", threads=2)
        self.assertIn("Load imbalance within ranks limits this run", text)
        self.assertIn("There are 3 tasks per step for 2 workers", text)

    def test_tiles_of_8_cells(self) -> None:
        words = ("--grid", "32,32,32", "--tile", "2,2,2", "--steps", 20, "--repeat", 3)
        for ranks, threads in ((1, 2), (2, 1)) if HAS_RANKS else ((1, 2),):
            with self.subTest(ranks=ranks, threads=threads):
                text = self.explained("heat", *words, ranks=ranks, threads=threads)
                self.assertIn("Too small tasks limit this run", text)

    def test_all_ranks_on_one_core(self) -> None:
        words = ("--grid", "48,48,48", "--steps", 20, "--repeat", 3)
        ranks, threads = (2, 1) if HAS_RANKS else (1, 2)
        text = self.explained("heat", *words, ranks=ranks, threads=threads, processors="0")
        self.assertIn("Workers that share processors limit this run: 2 of them on ", text)
        self.assertIn("no more than 1 processor", text)

    def test_nothing_planted(self) -> None:
        result = launch.run("planted", "--schedule", "bulk", threads=2)
        self.assertEqual(result.status, 0, result)
        self.check_factors(result.report["efficiency"])
        operation = result.report["efficiency"]["operations"][0]
        self.assertEqual((operation["name"], operation["calls"]), ("spin", 4 * 40 * 3))
        self.assertGreaterEqual(operation["time_s"], 480 * 200e-6)
        self.assertNotIn("Too small", result.stdout, "without --explain there are no sentences")


class Pinning(unittest.TestCase):
    """Where the workers really are, and the warning where that is too narrow."""

    words = ("--grid", "16,16,16", "--steps", 2, "--repeat", 1, "--print-affinity")

    def crowded(self, **layout: object) -> str:
        result = launch.run("heat", *self.words, **layout)
        self.assertEqual(result.status, 0, result)
        (warning,) = result.report["warnings"]
        lines = result.stdout.splitlines()
        self.assertIn(f"warning: {warning}", lines, "at the start")
        self.assertIn(f"  warning               {warning}", lines, "and in the block")
        return warning

    @needs_ranks
    def test_ranks_on_one_core(self) -> None:
        warning = self.crowded(ranks=2, processors="0")
        self.assertTrue(
            warning.startswith("2 ranks sit on one core: their 2 workers may run on processor 0 ")
        )

    def test_workers_on_one_core(self) -> None:
        warning = self.crowded(threads=2, processors="0")
        self.assertTrue(warning.startswith("2 workers share one core: they may run on processor 0 of "))

    def test_fewer_cores_than_workers(self) -> None:
        processors = sorted(os.sched_getaffinity(0))[:2]
        if len(processors) < 2:
            self.skipTest("needs 2 processors")
        layout = {"ranks": 3} if HAS_RANKS else {"threads": 3}
        warning = self.crowded(processors=",".join(map(str, processors)), **layout)
        self.assertIn("workers: 3 workers share 2 processors", warning)

    def test_every_rank_and_worker_is_named(self) -> None:
        ranks = 2 if HAS_RANKS else 1
        result = launch.run("heat", *self.words, ranks=ranks, threads=2)
        self.assertEqual(result.status, 0, result)
        affinity = result.report["machine"]["affinity"]
        self.assertEqual(len(affinity), ranks)
        for number, rank in enumerate(affinity):
            self.assertEqual(len(rank["workers"]), 2)
            for worker, (processors, cores) in enumerate(zip(rank["workers"], rank["cores"], strict=True)):
                self.assertRegex(cores, r"^[0-9,-]+$")
                line = f"rank {number} on {rank['host']}: worker {worker} may run on {processors}"
                self.assertTrue(any(one.startswith(line) for one in result.stdout.splitlines()), line)


class Trace(unittest.TestCase):
    """The file of --trace, read as its viewers read it."""

    def traced(self, *words: object, **layout: int) -> tuple[dict, dict]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.json"
            result = launch.run("heat", *words, "--trace", path, **layout)
            self.assertEqual(result.status, 0, result)
            self.assertEqual([p.name for p in Path(folder).iterdir()], ["trace.json"], "parts are joined")
            return json.loads(path.read_text()), result.report

    def check(self, trace: dict, ranks: int, threads: int, tasks: int) -> None:
        self.assertEqual(trace["otherData"]["lost_events"], 0)
        rows = defaultdict(list)
        flows: dict[str, dict[str, dict]] = {"s": {}, "f": {}}
        named = set()
        for event in trace["traceEvents"]:
            if event["ph"] == "X":
                rows[event["pid"], event["tid"]].append(event)
            elif event["ph"] in flows:
                self.assertNotIn(event["id"], flows[event["ph"]])
                flows[event["ph"]][event["id"]] = event
            elif event["name"] == "thread_name":
                named.add((event["pid"], event["tid"]))
        workers = {(rank, worker) for rank in range(ranks) for worker in range(threads)}
        self.assertEqual(named, workers | {(rank, threads) for rank in range(ranks)})
        self.assertLessEqual(workers, set(rows))
        for row in rows.values():
            end = 0.0
            for event in row:
                self.assertGreaterEqual(event["ts"], end - 0.002, event)
                end = event["ts"] + event["dur"]
        steps = [e for row in rows.values() for e in row if e["name"] == "heat7"]
        self.assertEqual(len(steps), tasks)
        self.assertEqual({e["args"]["step"] for e in steps}, set(range(tasks // self.tiles(steps))))
        self.assertEqual(flows["s"].keys(), flows["f"].keys(), "every message that was sent arrived")
        for key, sent in flows["s"].items():
            arrived = flows["f"][key]
            self.assertLess(sent["ts"], arrived["ts"])
            for flow in (sent, arrived):
                slices = rows[flow["pid"], flow["tid"]]
                around = [e for e in slices if e["ts"] - 0.001 <= flow["ts"] <= e["ts"] + e["dur"]]
                self.assertTrue(any(e["cat"] == "message" for e in around), flow)
        self.messages = len(flows["s"])

    @staticmethod
    def tiles(steps: list[dict]) -> int:
        return len({e["args"]["tile"] for e in steps})

    @needs_ranks
    def test_two_ranks(self) -> None:
        words = ("--grid", "32,32,32", "--tile", 16, "--steps", 10, "--repeat", 2)
        trace, _ = self.traced(*words, ranks=2)
        self.check(trace, 2, 1, 8 * (4 + 2 * 10))
        # two neighbours, one message each way and step
        self.assertGreaterEqual(self.messages, 2 * (4 + 2 * 10))

    def test_two_threads(self) -> None:
        trace, _ = self.traced("--grid", "32,32,32", "--tile", 16, "--steps", 10, "--repeat", 2, threads=2)
        self.check(trace, 1, 2, 8 * (4 + 2 * 10))

    def test_a_file_that_cannot_be_written(self) -> None:
        for ranks in (1, 2) if HAS_RANKS else (1,):
            result = launch.run("heat", "--trace", "/nonexistent/t.json", ranks=ranks)
            self.assertEqual(result.status, 3, result)
            self.assertEqual(len(result.errors), 1, result)
            self.assertIn("cannot write --trace '/nonexistent/t.json'", result.errors[0])
