"""What is hidden of Open MPI's talk, what passes, and how a failure is explained."""

from __future__ import annotations

import pytest

from tutti_cli.chatter import Filter, first_sentence

FRAME = "-" * 74
ABORT = [
    FRAME,
    "MPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD",
    "with errorcode 2.",
    "",
    "NOTE: invoking MPI_ABORT causes Open MPI to kill all MPI processes.",
    FRAME,
]
PRIMARY = [
    FRAME,
    "Primary job  terminated normally, but 1 process returned",
    "a non-zero exit code. Per user-direction, the job has been aborted.",
    FRAME,
]


def feed(lines: list[str]) -> tuple[Filter, list[str]]:
    chatter = Filter()
    shown = [line for given in lines for line in chatter.feed(given + "\n")]
    return chatter, shown + chatter.finish()


def test_the_apps_lines_pass_and_frames_do_not() -> None:
    lines = ["reading u.h5", *ABORT, "tutti: error: no such file", *PRIMARY, "done"]
    chatter, shown = feed(lines)
    assert shown == ["reading u.h5", "tutti: error: no such file", "done"]
    assert chatter.explanation(2, "heat") == (2, None)


def test_an_error_that_every_rank_prints_is_shown_once() -> None:
    _, shown = feed(["tutti: error: bad --grid", *PRIMARY, "tutti: error: bad --grid"])
    assert shown == ["tutti: error: bad --grid"]


@pytest.mark.parametrize(
    "line",
    [
        "[vm:5819] 1 more process has sent help message help-mpi-api.txt / mpi-abort",
        "[vm:5819] 3 more processes have sent help message help-mpi-api.txt / mpi-abort",
        '[vm:5819] Set MCA parameter "orte_base_help_aggregate" to 0 to see all help / error messages',
        "[vm:05806] [[31312,0],0] ORTE_ERROR_LOG: Out of resource in file show_help.c at line 507",
        "[node-1.site:77] PMIX ERROR: UNREACHABLE in file server.c at line 2198",
        "[vm:05837] *** Process received signal ***",
        "[vm:05837] Signal: Segmentation fault (11)",
        "[vm:05837] [ 3] /lib/libc.so.6(__libc_start_main+0x85)[0x7f6acbb86305]",
        "mpirun: Forwarding signal 15 to job",
    ],
)
def test_noise_is_hidden(line: str) -> None:
    assert feed([line])[1] == []


@pytest.mark.parametrize("line", ["[rank 0] step 10", "[ 1] a list", "-----", "mpirun is a word", ""])
def test_what_only_looks_like_noise_passes(line: str) -> None:
    assert feed([line])[1] == [line]


def test_a_frame_that_never_closes_is_not_lost() -> None:
    assert feed([FRAME, "half a message"])[1] == ["half a message"]


def test_a_crash_names_the_rank_and_the_signal() -> None:
    noticed = (
        "mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 11 (Segmentation fault)."
    )
    chatter, shown = feed([*PRIMARY, FRAME, noticed, FRAME])
    assert shown == []
    assert chatter.explanation(139, "heat") == (
        139,
        "heat: rank 1 was ended by signal 11 (Segmentation fault)",
    )


def test_a_launcher_that_fails_is_a_matter_of_the_environment() -> None:
    slots = "There are not enough slots available in the system to satisfy the 4"
    chatter, _ = feed([FRAME, slots, "slots that were requested by the application:", "", "  ./heat", FRAME])
    status, message = chatter.explanation(1, "heat")
    assert status == 3
    assert message is not None and message.startswith(
        "mpirun could not start heat: There are not enough slots"
    )


def test_a_silent_end_is_named_but_a_failed_verification_speaks_for_itself() -> None:
    assert Filter().explanation(7, "heat") == (7, "heat: ended with status 7 without a message")
    assert Filter().explanation(1, "heat") == (1, None)
    assert Filter().explanation(-9, "heat") == (137, "heat: ended by signal 9")
    assert Filter().explanation(0, "heat") == (0, None)


def test_first_sentence() -> None:
    assert first_sentence("One. Two.") == "One."
    assert first_sentence("word " * 100).endswith(" ...")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ["srun: error: n2: task 1: Aborted", "srun: Force Terminated StepId=5.0"],
            "task 1 on n2: Aborted",
        ),
        (
            [
                "slurmstepd-n1: error: *** STEP 8.0 ON n1 CANCELLED AT 2026-01-01 DUE TO NODE FAILURE ***",
                "srun: error: n1: task 0: Terminated",
                "srun: error: Node failure on n2",
            ],
            "Node failure on n2",
        ),
        (
            ["srun: error: n[1-2]: tasks 0-1: Exited with exit code 5"],
            "tasks 0-1 on n[1-2]: Exited with exit code 5",
        ),
        (["srun: error: Unable to create step: busy"], "Unable to create step: busy"),
    ],
)
def test_what_srun_says_explains_a_failure(lines: list[str], reason: str) -> None:
    chatter, shown = feed(lines)
    assert shown == [] and chatter.explanation(137, "heat") == (137, f"heat: {reason}")
