"""The mini-apps' part of `tutti gpu-check`, with the simulated device for a GPU: all of it but the speeds."""

from __future__ import annotations

import sys
import tempfile
import time
import unittest
from pathlib import Path

from launch import BIN, ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from tutti_cli.gpu_apps import Apps, Gpt, Sizes
from tutti_cli.gpu_report import Report

SMALL = Sizes(heat=32, heat_steps=5, cg=16, cg_seconds=0.1, gpt=Gpt(1, 2, 16, 16, 8, 3))


class OnTheSimulatedDevice(unittest.TestCase):
    def test_parts(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            report = Report(Path(folder), time.monotonic() + 280)
            Apps(BIN, 1, "simulated", SMALL).parts(report)
            lines = "\n".join(report.save())
        self.assertTrue(report.all_passed(), lines)
        self.assertEqual(len(report.data["checks"]), 5, lines)
        rows = [figure["name"] for figure in report.data["figures"]]
        self.assertEqual(rows, ["heat 32^3, whole steps", "HPCG's procedure 16^3: rating", "gpt step"])
        for figure in report.data["figures"]:
            self.assertGreater(figure["value"], 0)


if __name__ == "__main__":
    unittest.main()
