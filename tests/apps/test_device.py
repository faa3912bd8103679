"""Mini-apps on the simulated device: the bits of the host, on any ranks, and errors in one line."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from launch import features, run

RANKS = (1, 2, 4) if "mpi" in features("heat") else (1,)


class SameBits(unittest.TestCase):
    def same(self, app: str, *words: object, on: tuple[int, ...] = RANKS) -> dict:
        host = run(app, *words)
        self.assertEqual(host.status, 0, host)
        for ranks in on:
            device = run(app, *words, "--device", "simulated", ranks=ranks)
            self.assertEqual(device.status, 0, device)
            self.assertEqual(device.report["checksum"], host.report["checksum"], (app, words, ranks))
            for history in ("residual_history", "loss_history"):
                self.assertEqual(device.report.get(history), host.report.get(history))
            way = "messages: none" if ranks == 1 else "messages: pinned host memory (this MPI"
            self.assertIn(way, device.stdout)
        return device.report

    def test_heat(self) -> None:
        few = ("--steps", 7, "--repeat", 1)
        use = self.same("heat", "--grid", "24,16,24", "--tile", "6,8,24", *few)["device_use"]
        self.assertGreater(use["kernel_launches"], 0)
        wave = ("--equation", "wave", "--order", 8, "--boundary", "periodic")
        self.same("heat", "--grid", "32,16,24", "--tile", "8,8,24", *wave, *few, on=RANKS[-1:])

    def test_cg(self) -> None:
        common = ("--grid", "16,16,16", "--global", "--tile", 8, "--repeat", 1)
        use = self.same("cg", *common)["device_use"]
        self.assertGreater(use["bytes_to_host"], 0)
        pipelined = ("--solver", "pipelined", "--format", "csr", "--tolerance", 1e-6)
        self.same("cg", *common, *pipelined, on=(1, *RANKS[-2:-1]))
        with mock.patch.dict(os.environ, {"TUTTI_SIMULATED_LOOPS": "no"}):
            self.same("cg", *common, on=RANKS[:1])

    def test_train(self) -> None:
        gpt = ("--model", "gpt", "--layers", 1, "--heads", 2, "--width", 16, "--context", 16)
        self.same("train", *gpt, "--batch", 16, "--steps", 4, on=RANKS[:2])
        self.same("train", "--batch", 16, "--steps", 4, on=RANKS[:1])  # on the host several layers are a task


@unittest.skipUnless(RANKS[1:], "without MPI there are no messages")
class Messages(unittest.TestCase):
    """From device memory, where a trial at the start shows that this works."""

    def report(self, mpi: str) -> dict:
        words = ("--global", "--grid", "16,16,16", "--tile", 8, "--repeat", 1, "--max-iterations", 9)
        host = run("cg", *words)
        with mock.patch.dict(os.environ, {"TUTTI_SIMULATED_MPI": mpi}):
            device = run("cg", *words, "--device", "simulated", ranks=2)
        self.assertEqual(device.status, host.status, device)
        self.assertEqual(device.report["residual_history"], host.report["residual_history"])
        return device.report["device_use"]

    def test_ways(self) -> None:
        direct, wrong = self.report("aware"), self.report("wrong")
        self.assertEqual(direct["messages"], "device memory")
        self.assertIn("pinned host memory (a trial", wrong["messages"])
        self.assertLess(direct["bytes_to_host"], wrong["bytes_to_host"])

    def test_bad_words(self) -> None:
        with mock.patch.dict(os.environ, {"TUTTI_SIMULATED_MPI": "perhaps"}):
            result = run("heat", "--grid", "8,8,8", "--device", "simulated")
        self.assertEqual(result.status, 2, result)
        self.assertIn("TUTTI_SIMULATED_MPI takes unaware, aware or wrong", result.stderr)
        with mock.patch.dict(os.environ, {"TUTTI_SIMULATED_LOOPS": "perhaps"}):
            result = run("heat", "--grid", "8,8,8", "--device", "simulated")
        self.assertIn("TUTTI_SIMULATED_LOOPS takes no or yes", result.stderr)


KEYS = ("copies_to_device", "bytes_to_device", "copies_to_host", "bytes_to_host")


class Transfers(unittest.TestCase):
    """What `more` steps cost beyond those of a shorter run. Results would differ if a copy were missing."""

    def extra(
        self, app: str, *words: object, option: str, steps: int, more: int, ranks: int = 1
    ) -> list[int]:
        uses = []
        for n in (steps, steps + more):
            result = run(app, *words, option, n, "--device", "simulated", ranks=ranks)
            self.assertEqual(result.status, 0, result)
            uses.append(result.report["device_use"])
        return [uses[1][key] - uses[0][key] for key in KEYS]

    def test_heat(self) -> None:
        words = ("--grid", "24,16,24", "--tile", "6,8,24", "--repeat", 1)
        self.assertEqual(self.extra("heat", *words, option="--steps", steps=8, more=8), [0, 0, 0, 0])
        if RANKS[1:]:  # eight halos of one plane, there and back
            plane = 16 * 24 * 8
            found = self.extra("heat", *words, option="--steps", steps=8, more=8, ranks=2)
            self.assertEqual(found, [8, 8 * plane, 8, 8 * plane])

    def test_cg(self) -> None:
        words = ("--global", "--grid", "16,16,16", "--tile", 8, "--repeat", 1, "--tolerance", 0)
        iterations = {"option": "--max-iterations", "steps": 4, "more": 5}
        # the loop is the device's; only the list of residuals, there and back, is five longer
        self.assertEqual(self.extra("cg", *words, **iterations), [0, 5 * 8, 0, 5 * 8])
        with mock.patch.dict(os.environ, {"TUTTI_SIMULATED_LOOPS": "no"}):  # |r|^2 for the host to decide
            found = self.extra("cg", *words, **iterations)
        self.assertEqual(found, [0, 5 * 8, 5, 5 * 8 + 5 * 8])
        if RANKS[1:]:
            # messages are in device memory. Half of the tiles' parts of three sums go to the host; alpha,
            # beta and |r|^2, for the list, to the device
            with mock.patch.dict(os.environ, {"TUTTI_SIMULATED_MPI": "aware"}):
                direct = self.extra("cg", *words, **iterations, ranks=2)
            self.assertEqual(direct, [3 * 5, 3 * 5 * 8 + 5 * 8, 3 * 5, 3 * 5 * 4 * 8 + 5 * 8])

    def test_train(self) -> None:
        for model in ("mlp", "cnn", "gpt"):  # of each step the loss comes from the device
            words = ("--model", model, "--shards", 8, "--validate-every", 1000)
            found = self.extra("train", *words, option="--steps", steps=20, more=5)
            self.assertEqual(found, [0, 0, 5, 5 * 8], model)


class Use(unittest.TestCase):
    def test_memory_that_is_not_there(self) -> None:
        with mock.patch.dict(os.environ, {"TUTTI_SIMULATED_MEMORY": str(1 << 20)}):
            result = run("heat", "--grid", "64,64,64", "--device", "simulated", ranks=RANKS[-1])
        self.assertEqual(result.status, 3, result)
        self.assertRegex(
            "\n".join(result.errors), r"'u' needs [\d.]+ .iB on the device, but only .* of .* are left"
        )

    def test_bad_words(self) -> None:
        result = run("heat", "--grid", "8,8,8", "--device", "simulated", "--schedule", "bulk")
        self.assertEqual(result.status, 2, result)
        self.assertEqual(
            result.errors,
            [
                "tutti: error: --schedule bulk runs on the host alone; "
                "with --device simulated use --schedule tasks"
            ],
        )
        with mock.patch.dict(os.environ, {"TUTTI_SIMULATED_MEMORY": "much"}):
            result = run("heat", "--grid", "8,8,8", "--device", "simulated")
        self.assertEqual(result.status, 2, result)

    def test_where_the_time_goes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "trace.json"
            words = ("--grid", "48,48,48", "--steps", 20, "--repeat", 3, "--device", "simulated")
            result = run("heat", *words, "--trace", trace, ranks=RANKS[min(1, len(RANKS) - 1)])
            self.assertEqual(result.status, 0, result)
            self.assertIn("heat7", trace.read_text())
        factors = result.report["efficiency"]["factors"]
        self.assertTrue(0 < factors["parallel"] <= 1.001, factors)
        kernels = [o["name"] for o in result.report["efficiency"]["operations"]]
        self.assertEqual(kernels, ["heat7"])


if __name__ == "__main__":
    unittest.main()
