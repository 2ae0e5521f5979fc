"""Every Python block of every page is a file that runs, and the lint has nothing against it.

The blocks of a page are the files of one directory, each with its name in its first line. Those
that are tests run, in this process, and between them they import all the others.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from written_tests import passed

from aws_durable_execution_sdk_python_testing.lint import lint_source

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# What needs more than this process has tests of its own: an S3, a collector, processes to kill,
# AWS's CDK. The pages of the lint's codes show what is wrong as well.
ELSEWHERE = {
    "deploy.md": "tests/projects/test_deploy_pages.py",
    "large-payloads.md": "tests/offload/test_large_payloads_page.py",
    "migrating.md": "tests/compat/test_migrating_page.py",
    "opentelemetry.md": "tests/plugins/test_plugin_pages.py",
    "plugins.md": "tests/plugins/test_plugin_pages.py",
    "production.md": "tests/projects/test_deploy_pages.py",
    "reliability.md": "tests/faults/test_reliability_page.py",
    "tutorial.md": "tests/projects/test_tutorial.py",
    **{f"lint/{page.name}": "tests/lint/test_lint_pages.py" for page in DOCS.glob("lint/*.md")},
}
# What is no program by itself, or wrong on purpose.
FRAGMENTS = {"tutorial.md", *(page for page in ELSEWHERE if page.startswith("lint/"))}
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+)\.py\n")
PAGES = {
    str(page.relative_to(DOCS)): BLOCK.findall(page.read_text(encoding="utf-8"))
    for page in DOCS.glob("**/*.md")
    # Written from the code by a program, which has tests of its own.
    if "api-reference" not in page.parts
}
OURS = [page for page, blocks in PAGES.items() if blocks and page not in ELSEWHERE]


@pytest.fixture
def files(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The files of a page, written into a directory that is the current one and is importable."""
    found: dict[str, str] = {}
    for block in PAGES[page]:
        head = NAMED.match(block)
        assert head, f"a block without a name: {block[:80]}"
        assert head[1] not in found, f"two blocks are {head[1]}.py"
        found[head[1]] = block
    for name, text in found.items():
        assert name not in sys.stdlib_module_names, f"{name}.py would hide Python's own module"
        monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield found
    for name in found:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("page", OURS)
def test_the_blocks_of_a_page_run(page: str, files: dict[str, str], tmp_path: Path) -> None:
    assert passed(tmp_path)
    assert files.keys() <= sys.modules.keys(), "a block that no test of the page imports"


@pytest.mark.parametrize("page", [page for page in PAGES if page not in FRAGMENTS])
def test_the_lint_has_nothing_against_a_page(page: str) -> None:
    assert [each for block in PAGES[page] for each in lint_source(block, page)] == []


def test_what_runs_elsewhere_does() -> None:
    for page, test in ELSEWHERE.items():
        assert (DOCS / page).is_file()
        assert (ROOT / test).is_file()


def test_every_page_is_reached_from_the_first() -> None:
    reached: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.is_file():
            continue
        reached.add(page)
        links = re.findall(r"\]\((?!https?:)([^)#]+\.md)[^)]*\)", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / link).resolve() for link in links]
    assert not {str(page.relative_to(DOCS)) for page in set(DOCS.glob("**/*.md")) - reached}
