"""A server with the page, and a Chromium to look at it; without one, tests of the page skip."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page import Page
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
    hosted,
)
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing._ui.dashboard import Dashboard

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # A container's /dev/shm is too small for it.
    *("--disable-dev-shm-usage", "--window-size=1280,900"),
)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """The system's Chromium, with nothing of anybody's in it."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = webdriver.Chrome(options=options, service=Service(driver))
    yield chromium
    chromium.quit()


@pytest.fixture
def serve() -> Iterator[Callable[..., DurableServer]]:
    """Start servers with the page; they stop with the test."""
    servers: list[DurableServer] = []

    def start(*handlers: Any, store: Any = None, **settings: Any) -> DurableServer:
        functions: list[DeclaredFunction] = [hosted(one.__name__, one) for one in handlers]
        server = DurableServer(functions, ServerSettings(**settings), store, Dashboard())
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def show(serve: Callable[..., DurableServer], chromium: WebDriver) -> Iterator[Callable[..., Page]]:
    """A page on a server of given handlers. Nothing may have gone wrong in it in the end."""
    pages: list[Page] = []

    def open_page(*handlers: Any, **settings: Any) -> Page:
        page = Page(chromium, serve(*handlers, **settings).url)
        page.look_like(1280, 900, "light")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        complaints = page.complaints()
        page.driver.get("about:blank")
        assert not complaints


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A file for `durable dev`, yet to be written."""
    return tmp_path / "app.py"
