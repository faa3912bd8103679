"""Headless Chromium, driven over its debugging pipe (Chrome DevTools Protocol), without further packages."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LIMIT_S = 60.0
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-extensions",
    "--remote-debugging-pipe",
)


class Browser:
    """One browser with one page. Collects what the page says and loads."""

    def __init__(self, profile: Path) -> None:
        assert PROGRAM
        # The browser reads commands from descriptor 3 and writes answers to 4.
        ours = [*os.pipe(), *os.pipe()]
        read_theirs, write_ours, read_ours, write_theirs = (
            fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in ours
        )
        for one in ours:
            os.close(one)

        def place() -> None:
            os.dup2(read_theirs, 3)
            os.dup2(write_theirs, 4)

        self.process = subprocess.Popen(
            [PROGRAM, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=place,
            close_fds=False,  # what has to be closed is marked so
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_theirs)
        os.close(write_theirs)
        self.commands, self.answers = write_ours, read_ours
        self.buffer, self.number, self.session = b"", 0, ""
        self.complaints: list[str] = []
        self.loads: list[str] = []
        self.events: list[str] = []

    def __enter__(self) -> Browser:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, kind: type | None, value: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self.commands)  # it ends with its pipe
        os.close(self.answers)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def message(self, until: float) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.answers], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self.buffer += more
        text, self.buffer = self.buffer.split(b"\0", 1)
        found = json.loads(text)
        self.note(found.get("method", ""), found.get("params", {}))
        return found

    def note(self, event: str, params: dict[str, Any]) -> None:
        self.events.append(event)
        if event == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(str(params["args"]))
        elif event == "Network.requestWillBeSent":
            self.loads.append(params["request"]["url"])

    def call(self, method: str, **params: object) -> dict[str, Any]:
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        until = time.monotonic() + LIMIT_S
        while True:
            answer = self.message(until)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def open(self, file: Path, width: int, height: int = 844) -> None:
        """Shows a file in a window of this size, in CSS pixels, as a phone would where it is narrow."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.events.clear()
        self.call("Page.navigate", url=file.absolute().as_uri())
        until = time.monotonic() + LIMIT_S
        while "Page.loadEventFired" not in self.events:
            self.message(until)

    def ask(self, expression: str) -> Any:  # noqa: ANN401
        """The value of an expression of JavaScript."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def media(self, name: str) -> None:
        self.call("Emulation.setEmulatedMedia", media=name)

    def pdf(self) -> bytes:
        """As printed on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        return base64.b64decode(self.call("Page.printToPDF", **paper)["data"])

    def picture(self) -> bytes:
        """A PNG of the whole page."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])
