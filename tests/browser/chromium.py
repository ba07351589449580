"""A real Chromium without a window, spoken to over its DevTools pipe: no driver, no port, and no network. ::

with Chromium(tmp_path) as browser, browser.open(html) as page:
    assert page.run("document.title") == "Session note"
    assert page.asked_for() == []
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_S = 60.0

# It resolves no name and reaches no address: what a page asks for is seen, and goes nowhere.
_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--lang=en",
)
# The pipe is file descriptors 3 and 4 of the browser; until then it stands above them.
_ON_THREE_AND_FOUR = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"
)
_ABOVE = 10


class ChromiumError(Exception):
    """The browser could not be started, or refused what it was asked; the message says why."""


def available() -> str | None:
    """Say as a sentence why there is no browser here; None where there is one."""
    if _program() is None:
        return f"No browser is on the PATH (looked for {', '.join(NAMES)})."
    return None


class Chromium:
    """One browser with a profile of its own; it ends with the block."""

    def __init__(self, folder: Path) -> None:
        """Name the folder for profile, pages and log, made if missing; nothing is started yet."""
        self.folder = folder
        self._pages = 0
        self._asked = 0
        self._unread = b""
        self._heard: list[dict[str, Any]] = []

    def __enter__(self) -> Chromium:
        """Start the browser.

        Raises:
            ChromiumError: there is none, or it does not answer.
        """
        program = _program()
        if program is None:
            raise ChromiumError(str(available()))
        self.folder.mkdir(parents=True, exist_ok=True)
        theirs_in, self._out = _pipe()
        self._in, theirs_out = _pipe()
        flags = [*_FLAGS, f"--user-data-dir={self.folder / 'profile'}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium's own sandbox does not start for root
        start = [sys.executable, "-I", "-c", _ON_THREE_AND_FOUR, str(theirs_in), str(theirs_out), program, *flags]
        with (self.folder / "chromium.log").open("wb") as log:
            self._process = subprocess.Popen(
                start, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(theirs_in, theirs_out)
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self.version = str(self.ask("Browser.getVersion")["product"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the browser."""
        os.close(self._out)  # it ends when its pipe does
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)

    def open(self, html: str, *, width: int = 1000, height: int = 1200) -> Page:
        """Return a new tab that has loaded `html` from a file of its own.

        Raises:
            ChromiumError: it cannot be opened, or has not loaded in time.
        """
        self._pages += 1
        file = self.folder / f"page-{self._pages}.html"
        file.write_text(html, encoding="utf-8", newline="")
        target = str(self.ask("Target.createTarget", {"url": "about:blank"})["targetId"])
        session = str(self.ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"])
        page = Page(self, target, session, file.as_uri())
        for domain in ("Page", "Runtime", "Network"):
            page.ask(f"{domain}.enable")
        page.resize(width, height)
        page.load()
        return page

    def ask(self, method: str, parameters: Mapping[str, Any] | None = None, session: str = "") -> dict[str, Any]:
        """Return the answer to one DevTools command; events that come meanwhile are kept.

        Raises:
            ChromiumError: it refuses, has ended, or does not answer in time.
        """
        number = self._send(method, parameters, session)
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            said = self._next(deadline, method)
            if said.get("id") == number:
                if "error" in said:
                    raise ChromiumError(f"{method}: {said['error']['message']}")
                answer: dict[str, Any] = said["result"]
                return answer
            self._hear(said)

    def wait_for(self, method: str, session: str) -> None:
        """Return when a tab has had an event.

        Raises:
            ChromiumError: it has not come in time, or the browser has ended.
        """
        deadline = time.monotonic() + TIMEOUT_S
        while not self.heard(method, session):
            self._hear(self._next(deadline, method))

    def heard(self, method: str, session: str) -> list[dict[str, Any]]:
        """Return what came with each event of that kind in a tab."""
        return [one["params"] for one in self._heard if one["method"] == method and one.get("sessionId") == session]

    def forget(self, session: str) -> None:
        """Forget a tab's events."""
        self._heard = [one for one in self._heard if one.get("sessionId") != session]

    def _hear(self, said: dict[str, Any]) -> None:
        if "method" not in said:
            return  # the answer to a dialog that was closed below
        self._heard.append(said)
        if said["method"] == "Page.javascriptDialogOpening":  # a page waits for its dialog, and we for the page
            self._send("Page.handleJavaScriptDialog", {"accept": False}, said["sessionId"])

    def _send(self, method: str, parameters: Mapping[str, Any] | None, session: str) -> int:
        self._asked += 1
        asked: dict[str, Any] = {"id": self._asked, "method": method, "params": dict(parameters or {})}
        if session:
            asked["sessionId"] = session
        rest = json.dumps(asked).encode() + b"\0"
        while rest:
            rest = rest[os.write(self._out, rest) :]
        return self._asked

    def _next(self, deadline: float, what: str) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise ChromiumError(f"{what}: the browser did not answer in {TIMEOUT_S:g} s.{self._tail()}")
            read = os.read(self._in, 1 << 20)
            if not read:
                raise ChromiumError(f"{what}: the browser has ended.{self._tail()}")
            self._unread += read
        one, _, self._unread = self._unread.partition(b"\0")
        said: dict[str, Any] = json.loads(one)
        return said

    def _tail(self) -> str:
        log = self.folder / "chromium.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        return "\n".join(["", f"Tail of {log}:", *lines])


class Page:
    """One tab; it closes with the block."""

    def __init__(self, browser: Chromium, target: str, session: str, address: str) -> None:
        """Name the tab; `Chromium.open` makes one."""
        self._browser = browser
        self._target = target
        self._session = session
        self.address = address

    def __enter__(self) -> Page:
        """Return the tab, open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the tab."""
        self._browser.ask("Target.closeTarget", {"targetId": self._target})
        self._browser.forget(self._session)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one DevTools command of this tab; raises what `Chromium.ask` raises."""
        return self._browser.ask(method, parameters, self._session)

    def load(self) -> None:
        """Load the page and return when it has; raises ChromiumError."""
        self._browser.forget(self._session)
        answer = self.ask("Page.navigate", url=self.address)
        if "errorText" in answer:
            raise ChromiumError(f"{self.address}: {answer['errorText']}")
        self._browser.wait_for("Page.loadEventFired", self._session)

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise.

        Raises:
            ChromiumError: it threw.
        """
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise ChromiumError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def resize(self, width: int, height: int = 1200) -> None:
        """Set the size of the window's inside, in CSS pixels."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def as_printed(self, on: bool) -> None:
        """Lay the page out as for a printer, or again as for a screen."""
        self.ask("Emulation.setEmulatedMedia", media="print" if on else "")

    def press(self, key: str, code: int) -> None:
        """Press and let go one key, by its name and its Windows virtual key code."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def pdf(self, width_mm: float, height_mm: float) -> bytes:
        """Return the page as a printer gets it."""
        size = {"paperWidth": width_mm / 25.4, "paperHeight": height_mm / 25.4}
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True, **size)["data"])

    def picture(self, *, whole: bool = True) -> bytes:
        """Return a PNG of the page, or of what is in the window."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])

    def asked_for(self) -> list[str]:
        """Return every address that the page asked for since it was loaded, but its own."""
        found = [one["request"]["url"] for one in self._browser.heard("Network.requestWillBeSent", self._session)]
        return [one for one in found if one != self.address]

    def dialogs(self) -> list[str]:
        """Return what each dialog said that the page opened since it was loaded."""
        return [one["message"] for one in self._browser.heard("Page.javascriptDialogOpening", self._session)]

    def faults(self) -> list[str]:
        """Return every uncaught fault and every console message of the page since it was loaded."""
        thrown = self._browser.heard("Runtime.exceptionThrown", self._session)
        written = self._browser.heard("Runtime.consoleAPICalled", self._session)
        return [json.dumps(one) for one in (*thrown, *written)]


def _program() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _pipe() -> tuple[int, int]:
    """Return a pipe's two ends, both above the numbers that the browser's will have."""
    ends = os.pipe()
    above = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for one in ends]
    for one in ends:
        os.close(one)
    return above[0], above[1]
