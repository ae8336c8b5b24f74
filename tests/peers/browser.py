"""Headless Chromium, spoken to by the WebDriver protocol (W3C WebDriver, 2018) over loopback."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.peers.sshd import free_port

DRIVER = shutil.which("chromedriver")
assert DRIVER, "no chromedriver: run tests/peers/setup first"

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the tests may run as root, and open nothing but a file of their own
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


class Browser:
    """One session. The network is off, but for files."""

    def __init__(self, port: int, home: Path) -> None:
        self._root = f"http://127.0.0.1:{port}"
        options = {
            "args": [*_FLAGS, f"--user-data-dir={home / 'profile'}"],
        }
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._root += f"/session/{made['sessionId']}"
        self.devtools("Network.enable")
        self.devtools(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._root + path, data, method=method)
        request.add_header("Content-Type", "application/json; charset=utf-8")
        try:
            with urllib.request.urlopen(request, timeout=50) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None

    def devtools(self, command: str, **params: object) -> Any:  # noqa: ANN401
        """A command of the DevTools protocol."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def show(self, page: Path, width: int, height: int, *, dark: bool = False) -> None:
        """Open a page from the disk, in a window of this many CSS pixels."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", media="", features=[scheme])
        self._ask("POST", "/url", {"url": page.as_uri()})

    def run(self, script: str) -> Any:  # noqa: ANN401
        """What a script returns that the test, not the page, brings along."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What has come since it was asked last, of ``performance`` or ``browser``."""
        found: list[dict[str, Any]] = self._ask("POST", "/se/log", {"type": kind})
        return found

    def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        told = self.devtools("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(told["data"])

    def printed(self) -> bytes:
        """The page as a PDF, on A4."""
        paper = {"page": {"width": 21.0, "height": 29.7}, "background": False}
        return base64.b64decode(self._ask("POST", "/print", paper))

    def quit(self) -> None:
        self._ask("DELETE", "")


@contextlib.contextmanager
def browsing(home: Path) -> Iterator[Browser]:
    """A browser whose profile is in ``home``, and that is gone in the end."""
    port = free_port()
    words = [str(DRIVER), f"--port={port}", "--log-level=OFF"]
    where = {name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "TMPDIR")}
    driver = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | where,
    )
    try:
        _until_it_listens(port)
        browser = Browser(port, home)
        try:
            yield browser
        finally:
            browser.quit()
    finally:
        driver.terminate()
        driver.wait(20)


def _until_it_listens(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5):
                return
        except OSError:
            assert time.monotonic() < end, "chromedriver did not start"
            time.sleep(0.1)
