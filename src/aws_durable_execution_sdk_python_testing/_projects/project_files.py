"""Writes a new project from the files that come with this package.

The files are a project that works as it stands, of the name `durable-project`. Those of a template
lie over those that all have in common.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Literal

from aws_durable_execution_sdk_python import __version__

Template = Literal["order", "approval", "etl", "agent"]

_TEMPLATES = Path(__file__).parent / "templates"
_COMMON = "common"
_NAME, _VERSION = "durable-project", "SDK_VERSION"
# Of the two handlers a template has, a project gets one, under the first one's name.
_BLOCKING, _ASYNC = PurePath("src/app.py"), PurePath("src/app_async.py")
# What Lambda allows for a function and CloudFormation for a stack.
_VALID_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


class ProjectError(Exception):
    """A project cannot be written."""


def write_project(directory: Path, template: Template, *, is_async: bool) -> list[Path]:
    """Write a project, named as its directory is; gives the files, relative to that.

    Parameters:
        directory: where; it must not be there yet, or be empty.
        template: what the project does.
        is_async: whether its code is async.

    Raises:
        ProjectError: the name cannot be a function's, or there is something already.
        OSError: a file cannot be written.
    """
    name = directory.absolute().name
    if not _VALID_NAME.fullmatch(name):
        raise ProjectError(
            "a project's name is its function's and its stack's, so it has 1 to 64 letters, digits "
            f"and hyphens, a letter first: not {name!r}"
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ProjectError(f"{directory} is there already: choose another name, or remove it")
    files = dict(_files(template, is_async=is_async))
    for place, source in files.items():
        path = directory / place
        path.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        text = text.replace(_NAME, name).replace(_VERSION, __version__)
        path.write_text(text, encoding="utf-8", newline="\n")
    return sorted(map(Path, files))


def _files(template: Template, *, is_async: bool) -> Iterator[tuple[PurePath, Path]]:
    """Where a project has a file, and what is written there; the later one wins."""
    wanted, other = (_ASYNC, _BLOCKING) if is_async else (_BLOCKING, _ASYNC)
    for room in (_COMMON, template):
        for source in sorted((_TEMPLATES / room).rglob("*")):
            place = PurePath(source.relative_to(_TEMPLATES / room))
            if source.is_dir() or place == other or "__pycache__" in place.parts:
                continue
            yield (_BLOCKING if place == wanted else place), source
