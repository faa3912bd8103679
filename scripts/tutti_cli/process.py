"""Runs one launch: signals forwarded, standard error filtered, an exit status and a message back."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from .chatter import Filter
from .launch import Launch

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # of Linux' prctl
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


@dataclass(frozen=True)
class Outcome:
    status: int
    message: str | None  # the error line, where the run failed and there is one
    stopped: bool = False  # by a signal that this process got
    timed_out: bool = False


def execute(
    launch: Launch,
    app: str,
    *,
    quiet: bool = False,
    verbose: bool = False,
    timeout_s: float | None = None,
    usr1: bool = True,
) -> Outcome:
    """Run to the end. quiet drops the app's output (its error line is in the outcome); verbose filters
    nothing; a run that takes longer than timeout_s is ended with status 1. usr1 says whether SIGUSR1 is
    passed on (else it stays with the caller's handler)."""
    child = subprocess.Popen(
        launch.argv,
        env={**os.environ, **launch.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=None if verbose else subprocess.PIPE,
        text=True,
        errors="replace",
        preexec_fn=end_with_parent,
        start_new_session=True,  # else the terminal sends SIGINT to mpirun a second time
    )
    chatter = Filter()
    expired = threading.Event()
    with forwarding(child, usr1) as received, limit(child, timeout_s, expired):
        for line in child.stderr or ():
            show(chatter.feed(line), quiet)
        status = child.wait()
    show(chatter.finish(), quiet)
    if expired.is_set():
        return Outcome(1, f"{app}: no end after {timeout_s:.0f} s, stopped", timed_out=True)
    if received:
        return Outcome(
            128 + received[0], f"{app}: stopped by {signal.Signals(received[0]).name}", stopped=True
        )
    if verbose:
        return Outcome(status if status >= 0 else 128 - status, None)
    status, message = chatter.explanation(status, app)
    if quiet and chatter.errors and status != 0:
        message = chatter.errors[0].removeprefix("tutti: error: ")
    return Outcome(status, message)


def end_with_parent() -> None:
    """In the child: SIGTERM when this process is killed, so that no run goes on that nobody waits for."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def show(lines: list[str], quiet: bool) -> None:
    if not quiet:
        for line in lines:
            print(line, file=sys.stderr, flush=True)


@contextmanager
def forwarding(child: subprocess.Popen[str], usr1: bool) -> Iterator[list[int]]:
    """Pass signals on to the child; the list fills with those that ask for an end."""
    received: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGUSR1:
            received.append(number)
        if child.poll() is None:
            child.send_signal(number)

    numbers = [number for number in FORWARDED if usr1 or number != signal.SIGUSR1]
    before = {number: signal.signal(number, forward) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def limit(child: subprocess.Popen[str], timeout_s: float | None, expired: threading.Event) -> Iterator[None]:
    if timeout_s is None:
        yield
        return

    def stop() -> None:
        expired.set()
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)

    timer = threading.Timer(timeout_s, stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
