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
            self.assertIn("messages through pinned memory", device.stdout)
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
        self.same("cg", *common, *pipelined, on=RANKS[-2:-1] or RANKS)

    def test_train(self) -> None:
        gpt = ("--model", "gpt", "--layers", 1, "--heads", 2, "--width", 16, "--context", 16)
        self.same("train", *gpt, "--batch", 16, "--steps", 4, on=RANKS[:2])


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
