"""Drives a headless Chromium over its own protocol (Chrome DevTools), by aiohttp: no driver package, nothing to download."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import aiohttp

HOSTILE = (
    "<script>hacked=1</script></script><img src=x onerror='hacked=2'><svg onload=hacked=3>\u202e\u05e1\u05d5\u05e3\u202c "
    "$\\href{javascript:hacked=4}{x}$"
)
"""What a model might say; each part would set `hacked` if it ran."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-crash-reporter",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--remote-debugging-port=0",
)


def find_browser() -> str | None:
    """Find a Chromium: `COTKIT_CHROMIUM`, or one on the path, or what playwright installed."""
    named = os.environ.get("COTKIT_CHROMIUM")
    installed = sorted(Path.home().glob(".cache/ms-playwright/chromium*/*/chrome*"))
    binaries = [str(path) for path in installed if path.is_file() and path.name in ("chrome", "chrome-headless-shell")]
    return next((found for name in (named, *NAMES, *binaries) if name and (found := shutil.which(name))), None)


class Browser:
    """One browser with one page."""

    def __init__(self, binary: str, profile: Path) -> None:
        self.profile = profile
        profile.mkdir(parents=True)
        command = [binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.loop = asyncio.new_event_loop()
        self.events: list[dict[str, Any]] = []
        self.answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.number = 0
        self.loop.run_until_complete(self._connect())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.run_until_complete(self._disconnect())
        os.killpg(self.process.pid, signal.SIGKILL)  # its children too
        self.process.wait()
        self.loop.close()

    async def _connect(self) -> None:
        port_file, deadline = self.profile / "DevToolsActivePort", time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text().count("\n")) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        port = port_file.read_text().split("\n")[0]
        self.session = aiohttp.ClientSession()
        async with self.session.get(f"http://127.0.0.1:{port}/json") as answer:
            page = next(target for target in await answer.json() if target["type"] == "page")
        self.socket = await self.session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
        self.reader = asyncio.ensure_future(self._read())
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self._call(f"{domain}.enable")

    async def _disconnect(self) -> None:
        self.reader.cancel()
        await asyncio.gather(self.reader, return_exceptions=True)
        await self.socket.close()
        await self.session.close()

    async def _read(self) -> None:
        async for message in self.socket:
            said = json.loads(message.data)
            if "id" in said:
                self.answers.pop(said["id"]).set_result(said)
            else:
                self.events.append(said)

    async def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.number += 1
        self.answers[self.number] = answer = self.loop.create_future()
        await self.socket.send_json({"id": self.number, "method": method, "params": parameters})
        said = await asyncio.wait_for(answer, 600)
        if "error" in said:
            raise RuntimeError(f"{method}: {said['error']}")
        return said["result"]

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and wait for its answer."""
        return self.loop.run_until_complete(self._call(method, **parameters))

    def open(self, url: str) -> None:
        """Load a page from nothing, and wait until its viewer is ready."""
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait("document.documentElement?.dataset.ready === 'true'", 60)

    def evaluate(self, expression: str) -> Any:
        """Evaluate an expression in the page, waiting for a promise; raises RuntimeError on an exception."""
        said = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            raise RuntimeError(said["exceptionDetails"].get("exception", {}).get("description", str(said["exceptionDetails"])))
        return said["result"].get("value")

    def wait(self, condition: str, seconds: float = 10) -> None:
        """Wait until an expression is true; raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({condition})"):
            if time.monotonic() > deadline:
                raise TimeoutError(condition)
            self.loop.run_until_complete(asyncio.sleep(0.02))

    def press(self, key: str) -> None:
        """Press a key."""
        codes = {"Enter": 13, "Escape": 27}
        text = {"text": "\r"} if key == "Enter" else {} if len(key) > 1 else {"text": key}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes.get(key, 0), **(text if kind == "keyDown" else {})
            )

    def look(self, width: int, height: int = 900, dark: bool = False) -> None:
        """Take the size of a screen, and a preference for light or dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700)
        value = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Write a PNG of what is seen, or of the whole page."""
        said = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(said["data"]))

    def problems(self) -> list[str]:
        """Give console errors and warnings, exceptions, log entries and refused loads since the page was opened."""
        found = []
        for event in self.events:
            said = event["params"]
            if event["method"] == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
                found.append(f"console {said['type']}: {[entry.get('value', entry.get('description')) for entry in said['args']]}")
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(f"exception: {said['exceptionDetails'].get('exception', {}).get('description')}")
            elif event["method"] == "Log.entryAdded":
                found.append(f"{said['entry']['level']}: {said['entry']['text']}")
        return found

    def requests(self) -> list[str]:
        """Give the addresses that were asked for since the page was opened, but for the page itself and data in it."""
        sent = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent if one.get("type") != "Document" and not one["request"]["url"].startswith("data:")]
