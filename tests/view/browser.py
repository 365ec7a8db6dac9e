"""A real browser on a real server: `ilk look` in its own process, Chromium on its page."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def serving(space: Path) -> Iterator[str]:
    """The address of a server of the space, on a free port."""
    command = [sys.executable, "-m", "ilk", "look", str(space), "--port", "0", "--no-open", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            told = ""
            for line in server.stdout:
                told += line
                if line.startswith("}") or line.rstrip().endswith("}"):
                    break
            yield json.loads(told)["url"]
        finally:
            server.terminate()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """One page, as a person has it before them. What it asks for and what goes wrong is kept."""

    def __init__(self, browser: Browser, url: str, *, empty: bool = False, **options: Any) -> None:
        self.url = url
        self.context = browser.new_context(viewport={"width": 1400, "height": 860}, **options)
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.wrong.append(said.text))
        self.page.goto(url)
        self.until("globalThis.ilk" if empty else "globalThis.ilk && ilk.settled()")
        self.until("document.querySelector('[role=status]').textContent !== ''")

    def js(self, expression: str) -> Any:
        return self.page.evaluate(f"() => {expression}")

    def until(self, expression: str, tries: int = 400) -> None:
        """The page's security policy forbids Playwright's own waiting, which evaluates text."""
        for _ in range(tries):
            if self.js(expression):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"never true: {expression}")

    def still(self) -> None:
        """Waits until the map has come to rest."""
        while True:
            before = self.js("JSON.stringify(ilk.camera())")
            self.page.wait_for_timeout(250)
            if self.js("ilk.settled()") and before == self.js("JSON.stringify(ilk.camera())"):
                return

    def places(self, n: int) -> np.ndarray:
        """(n, 2) where the rows are on the page, in pixels."""
        box = self.page.locator(".map").bounding_box()
        assert box is not None
        found = self.js(f"Array.from({{length: {n}}}, (_, i) => ilk.place(i))")
        return np.array([(box["x"] + p["x"], box["y"] + p["y"]) for p in found])

    def drag(self, line: np.ndarray) -> None:
        mouse = self.page.mouse
        mouse.move(*line[0])
        mouse.down()
        for x, y in line[1:]:
            mouse.move(x, y)
        mouse.up()

    def selection(self) -> list[int]:
        return [int(row) for row in self.js("ilk.selection()")]

    def search(self, text: str) -> None:
        self.page.keyboard.press("/")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def said(self, part: str) -> None:
        """Waits until the line that screen readers read tells it."""
        self.until(f"document.querySelector('[role=status]').textContent.includes({json.dumps(part)})")

    def end(self) -> None:
        self.context.close()
        assert not self.wrong
        strangers = [url for url in self.asked if not url.startswith((self.url, "blob:", "data:"))]
        assert not strangers  # nothing is asked of anybody but the server
