"""A headless Chromium for tests of pages: what a reader sees at a width, measured; nothing of the network is reached.

The browser is Debian's package `chromium`, or another that is installed; tests skip where there is none. It is driven
over a pair of pipes with the DevTools protocol, one JSON message after the other: no port, no driver, no library. It
ends by itself when the pipes close, so nothing outlives a killed test.

    with Browser() as browser:
        page = browser.open(Path("report.html"), width=400)
        assert page.scroll_width <= page.width
        assert not page.foreign_requests
        page.screenshot(Path("report-400.png"))

Every wait is for an event, and ends with an error after `PATIENCE`.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

__all__ = ["Box", "Browser", "BrowserError", "Page", "find_chromium"]

PATIENCE: Final = 120.0
"""Seconds for one answer, of a machine with other things to do; reached by nothing but a fault."""

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
VARIABLE: Final = "NAKAYA_CHROMIUM"
"""Environment variable with the path of another browser of the family."""

HEIGHT: Final = 900
"""Of the window, in CSS pixels; a page is as long as it is."""

OPTIONS: Final = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # user namespaces are closed in many containers, and all pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # tests reach no network, whatever a page asks for
    "--hide-scrollbars",  # their width is the system's, and would be missing from the page's
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)

_RECEIVES, _SENDS = 3, 4  # the descriptors that the browser reads from and writes to


def find_chromium() -> str | None:
    """Return the path of an installed browser, or None."""
    named = os.environ.get(VARIABLE)
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class BrowserError(Exception):
    """The browser did not do what was asked, or not in time."""


@dataclass(frozen=True)
class Box:
    """Where an element lies, in CSS pixels from the upper left corner of the page, and what it says."""

    tag: str
    text: str
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height


class Browser:
    """A running browser; to be closed, or used in `with`.

    Raises:
        BrowserError: None is installed, or it does not start.
    """

    def __init__(self) -> None:
        executable = find_chromium()
        if executable is None:
            raise BrowserError(f"no Chromium is installed: install the package chromium, or set {VARIABLE}")
        self._folder = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        self._log = Path(self._folder.name) / "stderr.txt"
        its_input, self._to = os.pipe()
        self._from, its_output = os.pipe()
        # Moved out of the way first: one of them may be the number that the other shall get.
        high_input, high_output = (fcntl.fcntl(pipe, fcntl.F_DUPFD_CLOEXEC, 10) for pipe in (its_input, its_output))
        self._process = os.posix_spawn(
            executable,
            [executable, *OPTIONS, f"--user-data-dir={self._folder.name}/profile"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, high_input, _RECEIVES),
                (os.POSIX_SPAWN_DUP2, high_output, _SENDS),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, str(self._log), os.O_WRONLY | os.O_CREAT, 0o600),
            ],
            setpgroup=0,
        )
        for pipe in (its_input, its_output, high_input, high_output):
            os.close(pipe)
        self._read = b""
        self._count = 0
        self._open = True
        self.version: str = self.send("Browser.getVersion")["product"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and its children, and remove its profile."""
        if not self._open:
            return
        self._open = False
        os.close(self._to)  # it ends by itself then; what hangs is ended
        until = time.monotonic() + PATIENCE
        while select.select([self._from], [], [], max(until - time.monotonic(), 0.0))[0]:
            if not os.read(self._from, 65536):
                break
        with suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._from)
        self._folder.cleanup()

    def open(self, page: Path | str, *, width: int, dark: bool = False, still: bool = True) -> Page:
        """Open a page and wait until it has loaded, its scripts ran, and its pictures and typefaces are there.

        Args:
            page: File or address.
            width: Of the window, in CSS pixels.
            dark: Whether the reader prefers dark screens.
            still: Whether the reader prefers reduced motion.
        """
        address = page.resolve().as_uri() if isinstance(page, Path) else page
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        opened = Page(self, target, session, width)
        opened.prepare(dark=dark, still=still)
        opened.go(address)
        return opened

    def send(self, method: str, *, session: str | None = None, into: Page | None = None, **values: object) -> Any:
        """Send one command of the DevTools protocol and return its result; events on the way go to `into`.

        Raises:
            BrowserError: The browser refuses, is gone, or does not answer.
        """
        self._count += 1
        number = self._count
        message: dict[str, object] = {"id": number, "method": method, "params": values}
        if session is not None:
            message["sessionId"] = session
        sent = memoryview(json.dumps(message).encode() + b"\0")
        try:
            while sent:
                sent = sent[os.write(self._to, sent) :]
        except BrokenPipeError:
            raise BrowserError(f"{method}: the browser is gone; {self._last_words()}") from None
        for answer in self._messages(method):
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            if into is not None:
                into.hear(answer)
        raise AssertionError("messages end with an error or an answer")

    def hear_until(self, happened: Callable[[], bool], page: Page, waiting_for: str) -> None:
        """Read what is told of a page until something has happened there.

        Raises:
            BrowserError: It does not happen.
        """
        if not happened():
            for message in self._messages(waiting_for):
                page.hear(message)
                if happened():
                    return

    def _messages(self, waiting_for: str) -> Iterator[Mapping[str, Any]]:
        until = time.monotonic() + PATIENCE
        while True:
            line, found, rest = self._read.partition(b"\0")
            if found:
                self._read = rest
                yield json.loads(line)
                continue
            if not select.select([self._from], [], [], max(until - time.monotonic(), 0.0))[0]:
                raise BrowserError(f"{waiting_for}: no answer within {PATIENCE:g} s; {self._last_words()}")
            read = os.read(self._from, 1 << 20)
            if not read:
                raise BrowserError(f"{waiting_for}: the browser is gone; {self._last_words()}")
            self._read += read

    def _last_words(self) -> str:
        said = self._log.read_text("utf-8", errors="replace").strip().splitlines() if self._log.exists() else []
        return "it said: " + " | ".join(said[-3:]) if said else "it said nothing"


class Page:
    """An opened page.

    Attributes:
        width: Of the window, in CSS pixels.
        session: How the browser calls it.
        requests: Every address that was asked for, the page's own first; of pictures inside the page only the kind.
        complaints: What scripts threw and the console was told of errors.
    """

    def __init__(self, browser: Browser, target: str, session: str, width: int) -> None:
        self._browser, self._target, self._loaded = browser, target, set[str]()
        self.session, self.width = session, width
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def prepare(self, *, dark: bool, still: bool) -> None:
        """Set the reader's screen and preferences."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._send(f"{domain}.enable")
        self._send("Page.setLifecycleEventsEnabled", enabled=True)
        self._send(
            "Emulation.setDeviceMetricsOverride", width=self.width, height=HEIGHT, deviceScaleFactor=1, mobile=False
        )
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self._send("Emulation.setEmulatedMedia", features=features)

    def go(self, address: str) -> None:
        """Go to an address and wait until the page has loaded, with its pictures and typefaces.

        Raises:
            BrowserError: There is no such page.
        """
        told = self._send("Page.navigate", url=address)
        if "errorText" in told:
            raise BrowserError(f"{address}: {told['errorText']}")
        loader = told.get("loaderId")  # there is none where only the place in the page changes
        if loader is not None:
            self._browser.hear_until(lambda: loader in self._loaded, self, f"loading {address}")
        pictures = "[...document.images].map(image => image.decode().catch(() => 0))"
        self.evaluate(f"Promise.all([document.fonts.ready, ...{pictures}]).then(() => 0)")

    def follow(self, selector: str) -> None:
        """Go where a link leads, the first that a selector names."""
        self.go(str(self.evaluate(f"document.querySelector({json.dumps(selector)}).href")))

    def close(self) -> None:
        """Close the page."""
        self._browser.send("Target.closeTarget", targetId=self._target)

    def hear(self, message: Mapping[str, Any]) -> None:
        """Keep what a message of the browser says of this page."""
        if message.get("sessionId") != self.session:
            return
        said = message["params"]
        match message["method"]:
            case "Network.requestWillBeSent":
                url = said["request"]["url"]
                self.requests.append(url.partition(",")[0] if url.startswith("data:") else url)
            case "Runtime.exceptionThrown":
                details = said["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description", details["text"]))
            case "Page.lifecycleEvent" if said["name"] == "load":
                self._loaded.add(said["loaderId"])
            case "Log.entryAdded" if said["entry"]["level"] == "error":
                self.complaints.append(said["entry"]["text"])

    @property
    def foreign_requests(self) -> list[str]:
        """Requests that leave the machine: neither files, nor what lies inside the page."""
        own = ("file:", "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]

    @property
    def dom(self) -> str:
        """The page as it is now, after its scripts ran, as HTML."""
        return str(self.evaluate("document.documentElement.outerHTML"))

    @property
    def scroll_width(self) -> float:
        """How wide the page is; more than `width` where it scrolls sideways."""
        return float(self.evaluate("document.documentElement.scrollWidth"))

    @property
    def scroll_height(self) -> float:
        """How long the page is."""
        return float(self.evaluate("document.documentElement.scrollHeight"))

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page; a promise is waited for.

        Raises:
            BrowserError: It throws.
        """
        told = self._send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            details = told["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return told["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until a JavaScript expression is true in the page.

        Raises:
            BrowserError: It does not become true.
        """
        look = f"() => ({condition}) ? done(true) : setTimeout(look, 10)"
        self.evaluate(f"new Promise(done => {{ const look = {look}; look(); }})")

    def boxes(self, selector: str) -> list[Box]:
        """Return where the elements lie that a CSS selector names, without those that are not shown."""
        found = self.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].filter(e => e.getClientRects().length).map(e => {{"
            " const r = e.getBoundingClientRect(), tag = e.tagName.toLowerCase();"
            " return [tag, e.textContent.trim(), r.left + scrollX, r.top + scrollY, r.width, r.height] })"
        )
        return [Box(*values) for values in found]

    def styles(self, selector: str, name: str) -> list[str]:
        """Return a CSS property as it is computed, such as "font-size", of the elements that a selector names."""
        return list(
            self.evaluate(
                f"[...document.querySelectorAll({json.dumps(selector)})]"
                f".map(e => getComputedStyle(e).getPropertyValue({json.dumps(name)}))"
            )
        )

    def click(self, selector: str) -> None:
        """Click on the first element that a selector names; what follows inside the page may be waited for."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def type(self, selector: str, text: str) -> None:
        """Put text into a field, as if typed at once."""
        self.evaluate(
            f"(() => {{ const field = document.querySelector({json.dumps(selector)}); field.focus();"
            f" field.value = {json.dumps(text)};"
            " field.dispatchEvent(new InputEvent('input', {bubbles: true}));"
            " field.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true})); })()"
        )

    def screenshot(self, path: Path, *, part: tuple[float, float, float, float] | None = None) -> None:
        """Write a picture of the whole page, or of a part (left, top, width, height), as PNG."""
        left, top, width, height = part or (0.0, 0.0, float(self.width), self.scroll_height)
        clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
        picture = self._send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(picture["data"]))

    def print(self, path: Path) -> None:
        """Write the page as it is printed on A4, as PDF."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69}
        printed = self._send("Page.printToPDF", printBackground=False, **paper)
        path.write_bytes(base64.b64decode(printed["data"]))

    def inject(self, script: Path) -> None:
        """Run a script of a file in the page, as if the page had brought it."""
        self._send("Runtime.evaluate", expression=script.read_text("utf-8") + "\n;undefined")

    def _send(self, method: str, **values: object) -> Any:
        return self._browser.send(method, session=self.session, into=self, **values)
