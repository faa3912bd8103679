"""The heat app as its users meet it: the same result on every layout, files in and out, and bad input."""

from __future__ import annotations

import itertools
import tempfile
import unittest
from collections.abc import Iterable
from pathlib import Path

import launch

try:
    import h5py
    import numpy
except ImportError:
    h5py = None

FEATURES = launch.features("heat")
ALL_LAYOUTS = ((1, 1), (1, 2), (2, 1), (2, 2), (4, 1))  # ranks x threads
LAYOUTS = tuple(layout for layout in ALL_LAYOUTS if layout[0] == 1 or "mpi" in FEATURES)
SCHEDULES = ("tasks", "bulk", "kokkos") if "kokkos" in FEATURES else ("tasks", "bulk")
Combinations = Iterable[tuple[tuple[int, int], str]]  # layouts with schedules
RANKS = (1, 2) if "mpi" in FEATURES else (1,)

needs_files = unittest.skipUnless("hdf5" in FEATURES and h5py, "needs HDF5 in the build and h5py")


def heat(*words: object, **layout: int) -> launch.Result:
    return launch.run("heat", *words, **layout)


class HeatTest(unittest.TestCase):
    def verified(self, *words: object, **layout: int) -> dict:
        result = heat(*words, **layout)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(result.errors, [], result)
        self.assertIsNotNone(result.report, result)
        return result.report

    def same_everywhere(self, *words: object, combinations: Combinations | None = None) -> None:
        """One checksum on all layouts and schedules."""
        reference = None
        for (ranks, threads), schedule in combinations or itertools.product(LAYOUTS, SCHEDULES):
            with self.subTest(ranks=ranks, threads=threads, schedule=schedule):
                report = self.verified(
                    *words, "--schedule", schedule, "--repeat", 2, ranks=ranks, threads=threads
                )
                self.assertEqual((report["ranks"], report["threads_per_rank"]), (ranks, threads))
                reference = reference or report["checksum"]
                self.assertEqual(report["checksum"], reference)


class SameBits(HeatTest):
    """Equal checksums, whatever the ranks, threads and schedule; the analytic solution where there is one."""

    FEW = tuple(
        (layout, schedule)
        for layout, schedule in (((1, 1), "tasks"), ((1, 2), "bulk"), ((2, 2), "tasks"), ((4, 1), "bulk"))
        if layout in LAYOUTS
    )

    def test_heat_on_all_layouts(self) -> None:
        self.same_everywhere("--grid", "24,20,18", "--steps", 11)

    def test_wave_of_order_8_on_all_layouts(self) -> None:
        self.same_everywhere("--grid", "24,20,18", "--steps", 11, "--equation", "wave", "--order", 8)

    def test_other_equations(self) -> None:
        for words in (
            ("--stencil", 27),
            ("--equation", "wave"),
            ("--equation", "wave", "--order", 8, "--boundary", "zero"),
            ("--mode", "2,1,3", "--boundary", "periodic"),
            ("--stores", "streaming"),
            ("--tile", "5,7,18"),
        ):
            with self.subTest(words):
                self.same_everywhere("--grid", "24,20,18", "--steps", 10, *words, combinations=self.FEW)

    def test_two_dimensions(self) -> None:
        self.same_everywhere("--grid", "60,50", "--steps", 10, combinations=self.FEW)

    def test_error_against_the_mode(self) -> None:
        report = self.verified("--grid", "128,128,128", "--steps", 100, "--repeat", 1, threads=2)
        errors = [c for c in report["verification"] if c["name"] == "max_error"]
        self.assertEqual(len(errors), 1)
        self.assertLess(errors[0]["value"], 1e-12)

    @unittest.skipUnless(launch.LONG, "TUTTI_LONG_TESTS is not set")
    def test_large_grid_on_all_layouts(self) -> None:
        self.same_everywhere("--grid", "128,128,128", "--steps", 100)

    def test_more_ranks_than_tiles(self) -> None:
        words = ("--grid", "8,8,8", "--tile", "8,8,8", "--steps", 3)
        self.same_everywhere(*words, combinations=[(layout, "tasks") for layout in LAYOUTS])

    def test_delays_do_not_change_the_result(self) -> None:
        words = ("--grid", "24,20,18", "--steps", 4)
        plain = self.verified(*words)
        delayed = self.verified(*words, "--delay", 100, ranks=RANKS[-1])
        self.assertEqual(plain["checksum"], delayed["checksum"])


def stepped(u: numpy.ndarray, steps: int, periodic: bool = False) -> numpy.ndarray:
    """Heat with r = 1/8, plainly."""
    for _ in range(steps):
        if periodic:
            around = sum(numpy.roll(u, s, axis) for axis in range(3) for s in (1, -1))
        else:
            p = numpy.pad(u, 1)
            c = slice(1, -1)
            around = p[:-2, c, c] + p[2:, c, c] + p[c, :-2, c] + p[c, 2:, c] + p[c, c, :-2] + p[c, c, 2:]
        u = u + 0.125 * (around - 6 * u)
    return u


@needs_files
class Files(HeatTest):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def array(
        self, shape: tuple[int, ...], dtype: str = "f8", name: str = "a.h5"
    ) -> tuple[str, numpy.ndarray]:
        """A file with random numbers, as the option takes it, and the numbers."""
        values = numpy.random.default_rng(7).uniform(-1, 1, shape).astype(dtype)
        with h5py.File(self.folder / name, "w") as file:
            file["field"] = values
        return f"{self.folder / name}:/field", values

    def output(self, name: str = "out.vtkhdf") -> numpy.ndarray:
        """The written field, in the order of --grid."""
        with h5py.File(self.folder / name) as file:
            return numpy.transpose(file["VTKHDF/PointData/u"][...])

    def test_random_field_on_all_layouts(self) -> None:
        initial, _ = self.array((96, 80, 72))
        self.same_everywhere("--initial", initial, "--steps", 6)

    def test_random_field_with_the_wave_equation(self) -> None:
        initial, _ = self.array((96, 80, 72))
        few = [((1, 1), "tasks"), ((1, 2), "bulk")] + [((2, 2), "tasks")] * ((2, 2) in LAYOUTS)
        self.same_everywhere(
            "--initial", initial, "--steps", 5, "--equation", "wave", "--order", 8, combinations=few
        )

    def test_values_against_numpy(self) -> None:
        initial, values = self.array((12, 10, 9))
        for ranks, boundary in itertools.product(RANKS, ("zero", "periodic")):
            with self.subTest(ranks=ranks, boundary=boundary):
                out = self.folder / "out.vtkhdf"
                words = ("--initial", initial, "--boundary", boundary, "--steps", 5, "--output", out)
                self.verified(*words, "--repeat", 1, "--tile", "5,4,9", ranks=ranks)
                wanted = stepped(values, 5, periodic=boundary == "periodic")
                self.assertLess(numpy.abs(self.output() - wanted).max(), 1e-14)

    def test_other_element_types_are_converted(self) -> None:
        for dtype in ("f4", "i2"):
            with self.subTest(dtype):
                initial, values = self.array((8, 7, 6), dtype, f"{dtype}.h5")
                self.verified("--initial", initial, "--steps", 2, "--output", self.folder / "out.vtkhdf")
                wanted = stepped(values.astype("f8"), 2)
                self.assertLess(numpy.abs(self.output() - wanted).max(), 1e-14)

    def test_output_is_what_vtkhdf_describes(self) -> None:
        self.verified(
            "--grid", "7,6,5", "--steps", 3, "--output", self.folder / "out.vtkhdf", ranks=RANKS[-1]
        )
        with h5py.File(self.folder / "out.vtkhdf") as file:
            root = file["VTKHDF"]
            self.assertEqual(list(root.attrs["Version"]), [2, 0])
            kind = root.attrs.get_id("Type")
            self.assertEqual(root.attrs["Type"], b"ImageData")
            self.assertFalse(kind.get_type().is_variable_str())
            self.assertEqual(kind.get_type().get_cset(), h5py.h5t.CSET_ASCII)
            self.assertEqual(list(root.attrs["WholeExtent"]), [0, 6, 0, 5, 0, 4])
            self.assertTrue(numpy.issubdtype(root.attrs["WholeExtent"].dtype, numpy.integer))
            self.assertEqual(root.attrs["Origin"].shape, (3,))
            self.assertEqual(root.attrs["Spacing"].shape, (3,))
            self.assertEqual(list(root.attrs["Direction"]), [1, 0, 0, 0, 1, 0, 0, 0, 1])
            self.assertEqual(root["PointData/u"].shape, (5, 6, 7))
            self.assertEqual(root["PointData/u"].dtype, numpy.float64)
            self.assertEqual(file["tutti"].attrs["step"][0], 3)

    def test_two_dimensional_output(self) -> None:
        self.verified("--grid", "9,6", "--steps", 2, "--output", self.folder / "out.vtkhdf")
        with h5py.File(self.folder / "out.vtkhdf") as file:
            self.assertEqual(file["VTKHDF/PointData/u"].shape, (1, 6, 9))
            self.assertEqual(list(file["VTKHDF"].attrs["WholeExtent"]), [0, 8, 0, 5, 0, 0])

    def test_output_can_be_the_next_input(self) -> None:
        whole = self.verified("--grid", "14,12,10", "--steps", 20)
        out = self.folder / "half.vtkhdf"
        self.verified("--grid", "14,12,10", "--steps", 10, "--output", out, ranks=RANKS[-1])
        rest = self.verified("--initial", f"{out}:/VTKHDF/PointData/u", "--steps", 10)
        self.assertEqual(rest["config"]["grid"], [14, 12, 10])
        self.assertEqual(rest["checksum"], whole["checksum"])


class BadInput(HeatTest):
    """One line, `tutti: error: ...`, and status 2 for usage or 3 for the environment; on 2 ranks too."""

    def refused(self, status: int, part: str, *words: object) -> None:
        for ranks in RANKS:
            with self.subTest(words=words, ranks=ranks):
                result = heat(*words, ranks=ranks, report=False)
                self.assertEqual(result.status, status, result)
                self.assertEqual(len(result.errors), 1, result)
                self.assertIn(part, result.errors[0])
                self.assertEqual(result.stdout, "", result)

    def test_options(self) -> None:
        self.refused(2, "--grid", "--grid", "0")
        self.refused(2, "--grid", "--grid", "8,-8,8")
        self.refused(2, "--steps", "--steps", "-5")
        self.refused(2, "unknown option '--stpes'", "--stpes", "5")
        self.refused(2, "--order", "--equation", "wave", "--order", "3")
        self.refused(2, "--equation wave", "--order", "8")
        self.refused(2, "--stencil", "--grid", "8,8", "--stencil", "7")
        self.refused(2, "--mode", "--grid", "8,8,8", "--mode", "1,2")
        self.refused(2, "--tile", "--grid", "8,8,8", "--tile", "4,4")
        if "cuda" not in FEATURES:
            self.refused(2, "no CUDA device", "--device", "cuda")

    def test_grid_beyond_memory(self) -> None:
        self.refused(3, "smaller grid", "--grid", "50000,50000,50000", "--steps", "1")
        self.refused(2, "", "--grid", "4000000000,4000000000,4000000000", "--steps", "1")

    def test_unwritable_files(self) -> None:
        self.refused(3, "--json", "--grid", "8", "--json", "/nonexistent/r.json")
        if "hdf5" in FEATURES:
            self.refused(3, "--output", "--grid", "8", "--output", "/nonexistent/u.vtkhdf")
            self.refused(3, "directory", "--grid", "8", "--output", "/tmp")

    @needs_files
    def test_initial_files(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.h5"
            with h5py.File(path, "w") as file:
                file["cube"] = numpy.zeros((6, 6, 6))
                file["deep"] = numpy.zeros((2, 2, 2, 2))
                file["words"] = numpy.array([b"a", b"b"])
                file["hole"] = numpy.full((6, 6, 6), numpy.nan)
            text = Path(folder) / "text.h5"
            text.write_text("no HDF5")
            self.refused(3, "No such file", "--initial", f"{folder}/missing.h5:/cube")
            self.refused(3, "not a valid HDF5 file", "--initial", f"{text}:/cube")
            self.refused(3, "no dataset '/sphere'", "--initial", f"{path}:/sphere")
            self.refused(2, "FILE:/DATASET", "--initial", path)
            self.refused(2, "(2, 2, 2, 2)", "--initial", f"{path}:/deep")
            self.refused(2, "not finite", "--initial", f"{path}:/hole")
            self.refused(2, "strings", "--initial", f"{path}:/words")
            self.refused(2, "(6, 6, 6)", "--initial", f"{path}:/cube", "--grid", "6,6,7")


class Talk(HeatTest):
    def test_block(self) -> None:
        result = heat("--grid", "16", "--steps", "5", threads=2)
        self.assertEqual(result.status, 0, result)
        for word in (
            "16 x 16 x 16",
            "1 rank x 2 threads",
            "time per step",
            "95 % interval",
            "cell updates",
            "copy bandwidth",
            "checksum",
            "verified",
        ):
            self.assertIn(word, result.stdout)

    def test_quiet(self) -> None:
        result = heat("--grid", "8", "--steps", "2", "--quiet")
        self.assertEqual((result.status, result.stdout), (0, ""), result)

    def test_help_and_version(self) -> None:
        for ranks in RANKS:
            for option, part in (("--help", "--equation"), ("--version", "commit")):
                result = heat(option, ranks=ranks, report=False)
                self.assertEqual(result.status, 0, result)
                self.assertEqual(result.stdout.count(part), 1, result)

    def test_report(self) -> None:
        report = self.verified("--grid", "16,16,16", "--steps", "5")
        wanted = "app version git_commit config machine ranks threads_per_rank device schedule timings "
        wanted += "figures_of_merit efficiency verification checksum"
        self.assertEqual(sorted(report), sorted(wanted.split()))
        merits = {m["name"]: m for m in report["figures_of_merit"]}
        names = {"cell_updates_per_s", "bandwidth_gb_s", "copy_bandwidth_gb_s", "fraction_of_copy"}
        self.assertLessEqual(names, set(merits))
        iteration = report["timings"]["iteration_s"]
        self.assertEqual(iteration["n"], 6)
        self.assertLessEqual(iteration["ci95_low"], iteration["median"])
        self.assertLessEqual(iteration["median"], iteration["ci95_high"])
        self.assertRegex(report["checksum"], "^0x[0-9a-f]{16}$")

    def test_graph(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "step.dot"
            self.verified("--grid", "8", "--steps", "2", "--dump-graph", path)
            self.assertIn("digraph", path.read_text())


if __name__ == "__main__":
    unittest.main()
