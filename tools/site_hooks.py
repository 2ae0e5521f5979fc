"""Hooks of the documentation site (see mkdocs.yml): a site that needs no other place.

- The pages link to files outside of docs/, as they should where the repository is: an example, a
  test, CONTRIBUTING.md. What is linked to becomes part of the site, below repository/: a page as it
  is, a program as a page that shows it, an image as a file. So does what those pages link to.
- What was built is looked through. Nothing may be fetched from elsewhere to show a page, and
  nothing may be left of Markdown that only the forge understands. Each finding is a warning, which
  a strict build fails with.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
BELOW = "repository"
IMAGES = {".svg", ".png"}

log = logging.getLogger("mkdocs.hooks.site")

FENCE = re.compile(r"(^( *)(`{3,}).*?^\2\3$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(
    r"(?P<text>!?\[(?:[^\[\]]|\[[^\]]*\])*\])"
    r"\((?![a-z]+:|#)(?P<path>[^()#\s]+)(?P<section>#[^()\s]*)?\)"
)
ROW = re.compile(r"^\|.*$", re.MULTILINE)
FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//[^\s\">]+"
    r"|<link\b(?![^>]*rel=\"?canonical)[^>]*\bhref=\"?(?:https?:)?//[^\s\">]+"
)
UNREAD = re.compile(r"<p>(?:- |\d+\. |\||\[!)[^\n]{0,60}|(?<=<code>)[^<]*\\\|[^<]*")


# ---------------------------------------------------------------------- the rest of the repository


def prose(markdown: str, change: Callable[[str], str]) -> str:
    """The page with all of it changed that is no block of code."""
    parts = FENCE.split(markdown)
    # Each block comes with its two groups.
    return "".join(
        change(part) if number % 4 == 0 else part
        for number, part in enumerate(parts)
        if number % 4 < 2
    )


def links(markdown: str) -> Iterator[re.Match[str]]:
    return LINK.finditer(FENCE.sub("", markdown))


def origin(src_uri: str) -> str:
    """Where a file of the site is in the repository."""
    if not src_uri.startswith(f"{BELOW}/"):
        return f"docs/{src_uri}"
    path = src_uri.removeprefix(f"{BELOW}/")
    return path if (ROOT / path).is_file() else path.removesuffix(".md")


def place(path: str) -> str | None:
    """Where a path of the repository is in the site; None for a directory."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if (ROOT / path).is_dir():
        return None
    is_shown = PurePosixPath(path).suffix in {".md", *IMAGES}
    return f"{BELOW}/{path}" if is_shown else f"{BELOW}/{path}.md"


def target(src_uri: str, link: re.Match[str]) -> str:
    """The path in the repository that a link of this page leads to."""
    return normpath(PurePosixPath(origin(src_uri)).parent / link["path"])


def as_page(path: str) -> str:
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    language = {".py": "python", ".mjs": "javascript", ".yaml": "yaml", ".toml": "toml"}
    fence = "`" * 8
    name = PurePosixPath(path).name
    return f"# {name}\n\n{fence}{language.get(PurePosixPath(path).suffix, 'text')}\n{text}{fence}\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    to_read = [(one.src_uri, one.content_string) for one in files.documentation_pages()]
    for src_uri, markdown in to_read:
        for link in links(markdown):
            path = target(src_uri, link)
            found = place(path)
            if path.startswith("docs/") or not (ROOT / path).is_file() or found in files.src_uris:
                continue
            assert found is not None
            if PurePosixPath(path).suffix in IMAGES:
                given: dict[str, Any] = {"abs_src_path": str(ROOT / path)}
            else:
                given = {"content": as_page(path)}
                to_read.append((found, given["content"]))
            files.append(
                File.generated(config, found, inclusion=InclusionLevel.NOT_IN_NAV, **given)
            )
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    src_uri = page.file.src_uri
    if src_uri.startswith(f"{BELOW}/"):
        page.meta["search"] = {"exclude": True}

    def moved(link: re.Match[str]) -> str:
        found = place(target(src_uri, link))
        if found is None:
            return link["text"].strip("[]")
        where = relpath(found, PurePosixPath(src_uri).parent)
        return f"{link['text']}({where}{link['section'] or ''})"

    return prose(markdown, lambda text: ROW.sub(with_plain_bars, LINK.sub(moved, text)))


def with_plain_bars(row: re.Match[str]) -> str:
    """A table's row without the escapes that only the forge needs within code."""
    return re.sub(r"`[^`]*`", lambda code: code[0].replace(r"\|", "|"), row[0])


# -------------------------------------------------------------------------------- what was built


def on_post_build(config: MkDocsConfig) -> None:
    site = Path(config.site_dir)
    for page in site.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        for what, pattern in (("fetches", FETCHED), ("shows unread Markdown", UNREAD)):
            for found in pattern.finditer(html):
                log.warning("%s %s: %s", page.relative_to(site), what, found[0])
