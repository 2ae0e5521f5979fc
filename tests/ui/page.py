"""A page in a real Chromium, as its tests see it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from plain_client import Client
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

T = TypeVar("T")

# Seconds: no test takes as long, unless something is wrong.
PATIENCE = 60
# Where screenshots are kept, if anywhere.
_SCREENSHOTS = os.environ.get("DURABLE_TESTS_SCREENSHOTS")


class Page:
    """The page of a service.

    Parameters:
        driver: the browser.
        url: of the service.
    """

    def __init__(self, driver: WebDriver, url: str) -> None:
        self.driver = driver
        self.url = url

    # ------------------------------------------------------------------------------- going

    def open(self, arn: str | None = None, query: str = "") -> None:
        """Show the list, or one execution."""
        place = f"#/execution/{quote(arn, safe='')}" if arn else f"#/{query}"
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/{place}")

    def start(self, function: str, event: Any, name: str | None = None) -> str:
        """Start an execution as a client would; returns its ARN."""
        return Client(self.url).start(function, event, name)

    # ----------------------------------------------------------------------------- looking

    def until(self, what: Callable[[], T]) -> T:
        """What `what` gives once it gives something."""
        return WebDriverWait(self.driver, PATIENCE, 0.05, [Exception]).until(lambda _: what())

    def find(self, selector: str) -> WebElement:
        """The element, once it is there to be seen."""

        def look() -> WebElement | None:
            found = self.driver.find_element(By.CSS_SELECTOR, selector)
            return found if found.is_displayed() else None

        return self.until(look)

    def count(self, selector: str) -> int:
        return len(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def texts(self, selector: str) -> list[str]:
        return [one.text for one in self.driver.find_elements(By.CSS_SELECTOR, selector)]

    def shows(self, text: str, selector: str = "main") -> bool:
        """Wait until an element holds that text."""
        return self.until(lambda: text in self.driver.find_element(By.CSS_SELECTOR, selector).text)

    def state(self, word: str) -> bool:
        """Wait until the execution has that status."""
        return self.shows(word, ".title .state")

    def complaints(self) -> list[str]:
        """What the browser's console says went wrong: policy violations, errors of scripts."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")  # type: ignore[no-untyped-call]
            if entry["level"] == "SEVERE"
        ]

    # ------------------------------------------------------------------------------- doing

    def press(self, label: str, within: str = "body") -> None:
        """Press the button of that label."""

        def look() -> bool:
            for one in self.driver.find_elements(By.CSS_SELECTOR, f"{within} button"):
                if one.text.startswith(label) and one.is_displayed() and one.is_enabled():
                    one.click()
                    return True
            return False

        self.until(look)

    def write(self, selector: str, text: str) -> None:
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def begin(self, event: str) -> None:
        """Start an execution by the dialog of the list."""
        self.press("Start an execution")
        self.write("dialog textarea", event)
        self.press("Start", "dialog form")

    def succeed(self, result: str) -> None:
        """Answer the callback that is shown, by its dialog."""
        self.press("Succeed", "#details")
        self.write("dialog textarea", result)
        self.press("Succeed", "dialog form")

    def pause_resume_and_stop(self) -> None:
        """Do so with the execution that is shown, and wait each time until it is so."""
        self.press("Pause", ".heading")
        self.state("paused")
        self.press("Resume", ".heading")
        self.state("running")
        self.press("Stop", ".heading")
        self.press("Stop", "dialog form")
        self.state("stopped")

    def key(self, *keys: str) -> None:
        """Type into the timeline."""
        self.find("#timeline").send_keys(*keys)

    def choose(self, name: str) -> None:
        """Click an operation of the timeline."""

        def look() -> bool:
            for row in self.driver.find_elements(By.CSS_SELECTOR, ".row.operation"):
                if row.find_element(By.CSS_SELECTOR, ".name").text == name:
                    row.find_element(By.CSS_SELECTOR, ".name").click()
                    return True
            return False

        self.until(look)
        self.until(lambda: self.texts("#details h2") == [name])

    def look_like(self, width: int, height: int, scheme: str) -> None:
        """Be of a size, and of a colour scheme: light or dark."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )

    def keep(self, name: str) -> bytes:
        """A screenshot, which is also written where `DURABLE_TESTS_SCREENSHOTS` says."""
        image: bytes = self.driver.get_screenshot_as_png()
        if _SCREENSHOTS:
            Path(_SCREENSHOTS).mkdir(parents=True, exist_ok=True)
            (Path(_SCREENSHOTS) / f"{re.sub(r'[^a-z0-9-]', '-', name)}.png").write_bytes(image)
        return image


ENTER, DOWN, RIGHT, LEFT, END, HOME = (
    *(Keys.ENTER, Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.END, Keys.HOME),
)
