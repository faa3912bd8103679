"""The command line: verbs, options, and how a failure reaches the user."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from .common import PRESETS, USAGE, Failure, complain
from .launch import BINDINGS

CLUSTER = ("submit", "status", "collect", "cancel")  # steps of `study`


class Parser(argparse.ArgumentParser):
    """One line for bad usage instead of the usage text."""

    def error(self, message: str) -> NoReturn:
        raise Failure(f"{message} (see `{self.prog} --help`)", USAGE)


def parser() -> Parser:
    top = Parser(prog="tutti", description="Set up, build, test, run and measure Tutti.", allow_abbrev=False)
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")

    p = add("setup", "install what is missing: system packages with apt, Python packages into .venv")
    p.add_argument(
        "--tests", action="store_true", help="also what only the full tests need (clang, chromium, slurm)"
    )

    add("doctor", "look at compilers, libraries, cores and settings; name what is wrong and the fix")

    p = add("build", "configure and build a preset, binaries in build/<preset>/bin")
    p.add_argument("--preset", default="release", choices=PRESETS)
    p.add_argument("--cuda", action="store_true", help="the preset cuda: with --device cuda")
    p.add_argument("--cuda-architectures", metavar="LIST", help='with --cuda: for example "80;90" (default)')
    p.epilog = "Further words -DNAME=VALUE are passed to CMake."

    p = add("gpu-check", "build for this machine's GPU, check kernels and apps there, measure; one table")
    p.add_argument("--out", metavar="DIR", help="keeps logs and JSON, default build/gpu-check/report")
    p.add_argument("--against", choices=("torch",), help="measure PyTorch beside it, where it is installed")
    p.add_argument("--programs", metavar="DIR", help="take heat, cg and train from there, built elsewhere")

    p = add("test", "build and run the tests; the last line counts them")
    p.add_argument("--preset", choices=PRESETS, help="only this build (default: all that the project has)")
    p.add_argument("--quick", action="store_true", help="only the release build")
    p.add_argument("-L", "--label", help="only tests with this label (a regular expression)")

    p = add("run", "run an app on ranks x threads; its arguments follow after --")
    p.add_argument("app", metavar="APP", help="a name in build/<preset>/bin, or a path")
    p.add_argument("-n", "--ranks", type=int, default=1, help="MPI ranks (default 1)")
    p.add_argument("-t", "--threads", type=int, help="threads per rank (default: cores / ranks)")
    p.add_argument("--bind", choices=BINDINGS, default="auto", help="auto binds when ranks x threads fit")
    p.add_argument("--preset", default="release", choices=PRESETS)
    p.add_argument("--verbose", action="store_true", help="hide nothing of what mpirun says")
    p.epilog = "Example: tutti run heat -n 2 -t 1 -- --grid 128,128,128 --steps 100"

    p = add("demo", "measure heat over the ranks x threads that fit this machine; plots and a page")
    p.add_argument("--preset", default="release", choices=PRESETS)
    p.add_argument(
        "--output", default="results/demo", metavar="DIR", help="measured anew, default %(default)s"
    )

    p = add("metg", "find the smallest useful task of Tutti, MPI, OpenMP and oneTBB in one job; and plot it")
    p.add_argument("-n", "--ranks", type=int, help="MPI ranks (default: cores / threads)")
    p.add_argument("-t", "--threads", type=int, default=1, help="threads per rank (default 1)")
    p.add_argument("--preset", default="release", choices=PRESETS)
    p.add_argument("--output", default="results/metg-here", metavar="FOLDER", help="default: %(default)s")
    p.add_argument("--plot", metavar="FILE.json", help="only plot this result again")
    p.epilog = "Arguments of the app follow after --. Example: tutti metg -n 2 -- --pattern spread --radix 5"

    p = add("bench", "run the microbenchmarks; compare with another build or a kept baseline")
    p.add_argument("--preset", default="release", choices=PRESETS)
    p.add_argument(
        "--against", metavar="WHAT", help="a FILE.json of --output, or a build folder (interleaved)"
    )
    p.add_argument("--output", metavar="FILE.json", help="keep the repeats, to compare with later")
    p.add_argument("--filter", metavar="REGEX", help="only these benchmarks")
    p.add_argument("--repeats", type=int, default=9, help="default 9")
    p.add_argument("--seconds", type=float, default=0.05, help="of each benchmark and repeat, default 0.05")

    p = add("plot", "plot what runs have written")
    p.add_argument(
        "what", choices=("residual", "loss"), help="residual: of cg, by iteration; loss: of train, by step"
    )
    p.add_argument("files", nargs="+", metavar="FILE", help="of --json or --output")
    p.add_argument("--output", metavar="NAME", help="NAME.png and NAME.svg (default: as the first FILE)")

    add_study(add("study", "measure the points that a TOML file names, and report on them"))
    return top


def add_study(p: argparse.ArgumentParser) -> None:
    steps = p.add_subparsers(dest="step", metavar="STEP", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return steps.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")

    p = add("run", "measure what FILE names; goes on where it was interrupted")
    p.add_argument("file", metavar="FILE", help="a study file, for example slurm/studies/heat-strong.toml")
    p.add_argument("--output", metavar="DIR", help="keeps study.h5, default results/<name of FILE>")
    p.add_argument("--preset", default="release", choices=PRESETS)

    p = add("submit", "turn what FILE names into jobs of a Slurm cluster; submits only what is not there yet")
    p.add_argument("file", metavar="FILE", help="a study file; its table [slurm] says what is a job")
    p.add_argument("--site", metavar="SITE", help="a name in slurm/sites, or the path of a file")
    p.add_argument(
        "--output", metavar="DIR", help="keeps study.h5 and the jobs, default results/<name of FILE>"
    )
    p.add_argument("--preset", default="release", choices=PRESETS)
    p.add_argument(
        "--after", metavar="JOB", action="append", default=[], help="start when this job has ended well"
    )
    p.add_argument("--dry-run", action="store_true", help="show every script and command; submit nothing")
    p.add_argument(
        "--retry", action="store_true", help="also points that failed as often as `attempts` allows"
    )

    p = add("status", "show the jobs of a submitted study and what is measured")
    p.add_argument(
        "folder", metavar="DIR", help="the study's folder, default of submit: results/<name of FILE>"
    )

    p = add("collect", "move what jobs have measured into study.h5")
    p.add_argument("folder", metavar="DIR", help="the study's folder")
    p.add_argument("--wait", action="store_true", help="until the last job has ended")

    p = add("cancel", "take the jobs of a study out of the queue; what they measured stays")
    p.add_argument("folder", metavar="DIR", help="the study's folder")

    p = steps.add_parser("work")  # what a job calls
    p.add_argument("file", metavar="SHARE")

    p = add("report", "print the tables of a study, write its plots and its page")
    p.add_argument("folder", metavar="DIR", help="holds study.h5")
    p.add_argument(
        "--size",
        choices=("single", "double"),
        default="single",
        help="plots as wide as one column of a journal, 88 mm, or two, 180 mm (default %(default)s)",
    )

    p = add("compare", "tell whether two results of the same points differ, and by how much")
    p.add_argument("a", metavar="A", help="a folder that holds study.h5")
    p.add_argument("b", metavar="B", help="another; exit status 1 if it differs")
    p.add_argument(
        "--margin",
        type=float,
        default=2.0,
        metavar="PERCENT",
        help="differences that do not count, default 2",
    )
    p.add_argument("--json", metavar="FILE", help="write the outcome there, too")

    p = add("export", "write the runs of a study for other programs")
    p.add_argument("folder", metavar="DIR", help="holds study.h5")
    for form, what in (("csv", "one line a run"), ("extrap", "the times as an experiment of Extra-P, JSON")):
        p.add_argument(f"--{form}", metavar="FILE", nargs="?", const="", help=f"{what}; default: in DIR")


def dispatch(arguments: Sequence[str]) -> int:
    words, rest = list(arguments), []
    if "--" in words:
        cut = words.index("--")
        words, rest = words[:cut], words[cut + 1 :]
    options, unknown = parser().parse_known_args(words)
    if options.verb != "build" and unknown:
        hint = ", an app's arguments go after --" if options.verb in ("run", "metg") else ""
        raise Failure(f"{options.verb}: unknown argument '{unknown[0]}'{hint}", USAGE)
    if options.verb not in ("run", "metg") and rest:
        raise Failure(f"{options.verb}: takes nothing after --", USAGE)

    if options.verb == "setup":
        from . import setup

        return setup.verb(options.tests)
    if options.verb == "doctor":
        from . import doctor

        return doctor.verb()
    if options.verb == "build":
        from . import build

        return build.verb(*build.with_cuda(options.preset, options.cuda, options.cuda_architectures, unknown))
    if options.verb == "gpu-check":
        from . import gpu_check

        return gpu_check.verb(options.out, options.against, options.programs)
    if options.verb == "test":
        from . import test

        return test.verb(options.preset, options.quick, options.label)
    if options.verb == "run":
        from . import run

        return run.verb(
            options.app, options.ranks, options.threads, options.bind, options.preset, options.verbose, rest
        )
    if options.verb == "study" and options.step == "work":  # on a compute node nothing is installed
        from .cluster import work

        return work.verb(options.file)
    from . import python_env, setup

    setup.everything(tests=False)
    python_env.enter(list(arguments))
    if options.verb == "bench":
        from . import bench

        return bench.verb(
            options.preset, options.against, options.output, options.filter, options.repeats, options.seconds
        )
    if options.verb == "metg":
        from . import metg

        return metg.verb(options.ranks, options.threads, options.preset, options.output, options.plot, rest)
    if options.verb == "demo":
        from . import demo

        return demo.verb(options.output, options.preset)
    if options.verb == "plot":
        from . import history_plot

        return history_plot.verb(options.what, options.files, options.output)
    return on_cluster(options) if options.step in CLUSTER else on_study(options)


def on_study(options: argparse.Namespace) -> int:
    from .study import verbs

    if options.step == "run":
        return verbs.run_verb(options.file, options.output, options.preset)
    if options.step == "compare":
        from .study import compare

        return compare.verb(options.a, options.b, options.margin, options.json)
    if options.step == "export":
        from .study import export

        return export.verb(options.folder, {"csv": options.csv, "extrap": options.extrap})
    return verbs.report_verb(options.folder, options.size)


def on_cluster(options: argparse.Namespace) -> int:
    from .cluster import verbs

    if options.step == "submit":
        return verbs.submit_verb(
            options.file,
            options.output,
            options.preset,
            options.site,
            options.after,
            options.dry_run,
            options.retry,
        )
    if options.step == "status":
        return verbs.status_verb(options.folder)
    if options.step == "collect":
        return verbs.collect_verb(options.folder, options.wait)
    return verbs.cancel_verb(options.folder)


def main(arguments: Sequence[str]) -> int:
    try:
        return dispatch(arguments)
    except Failure as failure:
        complain(str(failure))
        return failure.status
    except KeyboardInterrupt:
        print("", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 141
