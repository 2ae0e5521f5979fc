"""A server with the page, and a Chromium to look at it; without one, tests of the page skip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import browser
import pytest
from page import Page
from selenium.webdriver.remote.webdriver import WebDriver

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
    hosted,
)
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing._ui.dashboard import Dashboard


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    if browser.CHROMIUM is None or browser.DRIVER is None:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    with browser.started(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


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
def look_at(chromium: WebDriver) -> Iterator[Callable[[str], Page]]:
    """The page of a URL. Nothing may have gone wrong in it in the end.

    To be asked for last, so that the page goes before what serves it.
    """
    pages: list[Page] = []

    def open_page(url: str) -> Page:
        page = Page(chromium, url)
        page.look_like(1280, 900, "light")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        complaints = page.complaints()
        page.driver.get("about:blank")
        assert not complaints


@pytest.fixture
def show(
    serve: Callable[..., DurableServer], look_at: Callable[[str], Page]
) -> Callable[..., Page]:
    """A page on a server of given handlers."""
    return lambda *handlers, **settings: look_at(serve(*handlers, **settings).url)
