"""Whole runs of train: the same bits on any ranks and threads, saved state, learning, command lines."""

from __future__ import annotations

import json
import struct
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path
from random import Random

from launch import Result, features, run

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = None

LAYOUTS = [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1)]  # ranks, threads
SIZES = {
    "mlp": ("--batch", 16, "--steps", 7),
    "cnn": ("--batch", 16, "--steps", 4),
    "gpt": ("--batch", 8, "--steps", 4, "--layers", 2, "--width", 32, "--heads", 2, "--context", 16),
}


def train(model: str, *words: object, ranks: int = 1, threads: int = 1) -> Result:
    # options given twice count as given last
    return run(
        "train", "--model", model, *SIZES[model], "--validate-every", 3, "--validation-batches", 1, *words,
        ranks=ranks, threads=threads,
    )  # fmt: skip


def layouts() -> list[tuple[int, int]]:
    return [(r, t) for r, t in LAYOUTS if r == 1 or "mpi" in features("train")]


def figure(report: dict, name: str) -> float:
    return next(m["value"] for m in report["figures_of_merit"] if m["name"] == name)


def write_idx(path: Path, extents: list[int], values: bytes) -> None:
    header = struct.pack(f">BBBB{len(extents)}I", 0, 0, 8, len(extents), *extents)
    path.write_bytes(header + values)


class SameBits(unittest.TestCase):
    def same(self, model: str) -> None:
        seen = {}
        for ranks, threads in layouts():
            result = train(model, ranks=ranks, threads=threads)
            self.assertEqual(result.status, 0, result)
            seen[ranks, threads] = (result.report["checksum"], result.report["loss_history"])
        bulk = train(model, "--schedule", "bulk", ranks=layouts()[-1][0], threads=1)
        seen["bulk"] = (bulk.report["checksum"], bulk.report["loss_history"])
        first = seen[1, 1]
        self.assertEqual(len(first[1]), SIZES[model][3])
        for layout, found in seen.items():
            self.assertEqual(found, first, layout)

    def test_mlp(self) -> None:
        self.same("mlp")

    def test_cnn(self) -> None:
        self.same("cnn")

    def test_gpt(self) -> None:
        self.same("gpt")


class Overlap(unittest.TestCase):
    """Gradients of late layers are summed over the ranks while the backward pass of the first layers runs."""

    def test_gradients_travel_during_the_backward_pass(self) -> None:
        if "mpi" not in features("train"):
            self.skipTest("built without MPI")
        ranks, steps = 2, 20
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.json"
            result = train(
                "gpt", "--layers", 4, "--width", 64, "--steps", steps, "--trace", path, "--messages", "mpi",
                ranks=ranks,
            )  # fmt: skip
            self.assertEqual(result.status, 0, result)
            events = json.loads(path.read_text())["traceEvents"]
        nodes = defaultdict(list)  # (begin, end) by rank, step and name
        times: dict[str, dict[str, float]] = {"s": {}, "f": {}}  # of messages, by id
        for event in events:
            if event["ph"] == "X" and event["args"].get("graph") == "step":
                key = (event["pid"], event["args"]["step"], event["name"])
                nodes[key].append((event["ts"], event["ts"] + event["dur"]))
            elif event["ph"] in times:
                times[event["ph"]][event["id"]] = event["ts"]
        for rank in range(ranks):
            received = updated = 0
            for step in range(steps):
                end = max(end for _, end in nodes[rank, step, "embedding_back"])
                self.assertLess(min(end for _, end in nodes[rank, step, "partial_sum"]), end, (rank, step))
                received += any(begin < end for begin, _ in nodes[rank, step, "receive for adamw"])
                updated += any(begin < end for begin, _ in nodes[rank, step, "adamw"])
            # a rank that is not on a processor for a while may receive late
            self.assertGreater(received, steps // 2, f"rank {rank}: other ranks' gradients are there in time")
            self.assertGreater(updated, steps // 2, f"rank {rank}: weights change before the pass ends")
        on_their_way_s = 1e-6 * sum(times["f"][message] - sent for message, sent in times["s"].items())
        exposed_s = steps * figure(result.report, "exposed_communication_s")
        if result.report["efficiency"]["preempted"] < 0.02:  # else ranks wait for others to get a processor
            self.assertLess(exposed_s, on_their_way_s)


class ParallelLoops(unittest.TestCase):
    def test_same_bits_as_the_recorded_step(self) -> None:
        words = ("--against", "omp-for", "--weight-decay", 0.01, "--layers", 3)
        result = train("mlp", *words, threads=2)
        self.assertEqual(result.status, 0, result)
        checks = {c["name"]: c["value"] for c in result.report["verification"]}
        self.assertEqual((checks["omp_for_loss_off"], checks["omp_for_weights_off"]), (0, 0))
        self.assertGreater(figure(result.report, "step_s_omp_for"), 0)
        self.assertEqual(result.report["loss_history"], train("mlp", *words[2:]).report["loss_history"])


class State(unittest.TestCase):
    def setUp(self) -> None:
        if "hdf5" not in features("train"):
            self.skipTest("built without HDF5")

    def test_goes_on_with_the_same_bits_on_other_ranks(self) -> None:
        constant = ("--last-rate", 1)
        ranks = layouts()[-1][0]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "state.h5"
            for model, optimiser in [("mlp", "sgd"), ("gpt", "adamw")]:
                words = (*constant, "--optimiser", optimiser)
                whole = train(model, *words, "--steps", 6)
                half = train(model, *words, "--steps", 3, "--save", file, ranks=ranks)
                rest = train(model, *words, "--steps", 6, "--load", file, threads=2)
                for result in (whole, half, rest):
                    self.assertEqual(result.status, 0, result)
                self.assertEqual(
                    half.report["loss_history"] + rest.report["loss_history"], whole.report["loss_history"]
                )
                self.assertEqual(rest.report["checksum"], whole.report["checksum"])
            other = train("gpt", "--width", 64, "--load", file)
            self.assertEqual(other.status, 2, other)
            self.assertEqual(
                other.errors,
                [f"tutti: error: --load: '{file}' was saved with width 32, but this run has 64"],
            )
            done = train("gpt", "--steps", 5, "--load", file)
            self.assertIn("has done 3 steps already", train("gpt", "--steps", 2, "--load", file).stderr)
            self.assertEqual(done.status, 0, done)
            file.write_bytes(file.read_bytes()[:1000])
            cut = train("gpt", "--load", file)
            self.assertEqual(cut.status, 3, cut)
            self.assertEqual(len(cut.errors), 1, cut)

    @unittest.skipUnless(h5py, "needs h5py")
    def test_history_and_weights_are_files_for_python(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            weights, history = Path(folder) / "w.npz", Path(folder) / "history.h5"
            result = train("mlp", "--export", weights, "--output", history, ranks=layouts()[-1][0])
            self.assertEqual(result.status, 0, result)
            with h5py.File(history) as file:
                self.assertEqual(file["tutti"].attrs["app"], b"train")
                losses = [x.hex() for x in file["loss_history"][:]]
                self.assertEqual([float.fromhex(x).hex() for x in result.report["loss_history"]], losses)
                self.assertEqual(file["validation_step"][-1], SIZES["mlp"][3])
            with np.load(weights) as arrays:
                self.assertEqual(arrays["dense0.weight"].shape, (64, 64))
                self.assertEqual(sum(a.size for a in arrays.values()), 64 * 65 * 2 + 65 * 10)
                self.assertTrue(all(np.isfinite(a).all() for a in arrays.values()))


class Learning(unittest.TestCase):
    def test_one_batch_is_learned_by_heart(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            values = Random(5)
            for part, count in [("train", 16), ("t10k", 8)]:
                write_idx(
                    Path(folder) / f"{part}-images-idx3-ubyte", [count, 14, 14], values.randbytes(count * 196)
                )
                labels = bytes(values.randrange(4) for _ in range(count))
                write_idx(Path(folder) / f"{part}-labels-idx1-ubyte", [count], labels)
            for model in ("mlp", "cnn"):
                result = train(
                    model, "--data", folder, "--steps", 150, "--validate-every", 0, "--target-loss", 100
                )
                self.assertEqual(result.status, 0, result)
                self.assertLess(float.fromhex(result.report["loss_history"][-1]), 0.02, model)

    def test_text(self) -> None:
        words = ("--steps", 80, "--learning-rate", 0.002, "--validate-every", 0, "--generate", 60)
        one = train("gpt", *words, "--target-loss", 3.2)
        self.assertEqual(one.status, 0, one)
        self.assertGreaterEqual(len(one.report["generated"]), 60)
        self.assertIn(one.report["generated"], one.stdout)
        self.assertLess(figure(one.report, "validation_loss"), 3.2)
        self.assertGreater(figure(one.report, "tokens_per_s"), 0)
        self.assertEqual(
            train("gpt", *words, ranks=layouts()[-1][0]).report["generated"], one.report["generated"]
        )

    def test_stops_early(self) -> None:
        result = train("mlp", "--steps", 60, "--learning-rate", 0, "--patience", 2)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(len(result.report["loss_history"]), 6)

    def test_a_missed_target_fails(self) -> None:
        result = train("mlp", "--target-loss", 1e-3)
        self.assertEqual(result.status, 1, result)
        self.assertIn("validation_loss", result.stderr)


class BadInput(unittest.TestCase):
    def refused(self, status: int, text: str, *words: object) -> None:
        result = run("train", *words)
        self.assertEqual(result.status, status, result)
        self.assertEqual(len(result.errors), 1, result)
        self.assertIn(text, result.errors[0])

    def test_options(self) -> None:
        self.refused(2, "--batch 10 is not a multiple of --shards 8", "--batch", 10)
        self.refused(2, "--width 30 is not a multiple of --heads 4", "--model", "gpt", "--width", 30)
        self.refused(2, "--generate writes text", "--generate", 5)
        self.refused(2, "--steps and --epochs", "--steps", 5, "--epochs", 1)
        self.refused(2, "--tile", "--tile", 5)
        self.refused(2, "--against omp-for is for --model mlp", "--against", "omp-for", "--model", "cnn")
        self.refused(2, "--repeat: a training run is not repeated", "--repeat", 3)
        self.refused(2, "--model takes", "--model", "rnn")

    def test_files(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            missing = Path(folder) / "missing"
            self.refused(3, str(missing), "--model", "gpt", "--data", missing)
            self.refused(3, str(missing), "--data", missing)
            if "hdf5" in features("train"):
                self.refused(3, str(missing), "--load", missing)
                self.refused(3, "--save", "--save", missing / "state.h5")
            else:
                self.refused(2, "this build has no HDF5", "--load", missing)
            short = Path(folder) / "short.txt"
            short.write_text("")
            self.refused(2, str(short), "--model", "gpt", "--data", short)


if __name__ == "__main__":
    unittest.main()
