"""Whatever page it stands on: commands are understood, and links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from aws_durable_execution_sdk_python_testing.cli import main

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md")
}
COMMANDS = [
    (page, line)
    for page, text in PAGES.items()
    for language, block in BLOCK.findall(text)
    if language == "console"
    for line in re.findall(r"^(?:cd \S+ && )?durable (.*)$", block, re.MULTILINE)
]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_the_commands_are_understood(page: str, line: str) -> None:
    command: click.Command = main
    context = click.Context(main)
    arguments = shlex.split(line.partition(" & ")[0], comments=True)
    while isinstance(command, click.Group):
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
    command.make_context(command.name, arguments)


def anchors(text: str) -> set[str]:
    """The sections of a page, as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    prose = BLOCK.sub("", PAGES[page])
    for file, section in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", prose):
        path = (ROOT / page).parent / file if file else ROOT / page
        assert path.exists(), file
        assert not section or section in anchors(path.read_text("utf-8")), f"{file}#{section}"
