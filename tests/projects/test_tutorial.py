"""docs/tutorial.md, walked from an empty directory: all that can be done without AWS."""

from __future__ import annotations

import re
from pathlib import Path

from project_bench import Commands

TEXT = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
WITHOUT_AWS = TEXT[: TEXT.index("## 7. Deploy it")]
BLOCKS: list[tuple[str, str]] = re.findall(
    r"^```(\w+)\n(.*?)^```", WITHOUT_AWS, re.MULTILINE | re.DOTALL
)
# What the fixture does, with the wheels of this checkout and nothing from an index.
INSTALLING = ("python3 -m venv", "pip ", "cd ")
SEEN = "seen.txt"
NEW_TESTS = "# tests/test_app.py\n"


class Walk:
    """Does what the page says, and keeps what the commands print."""

    def __init__(self, commands: Commands, directory: Path) -> None:
        self.commands = commands
        self.directory = directory
        self.project = directory / "shop"
        self.service: dict[str, str] = {}
        self.said = ""
        self.changes = 0

    def follow(self, language: str, block: str) -> None:
        app, tests = self.project / "src/app.py", self.project / "tests/test_app.py"
        if language == "diff":
            app.write_text(changed(app.read_text(), block))
            self.changes += 1
        elif block.startswith(NEW_TESTS):
            tests.write_text(tests.read_text() + block.removeprefix(NEW_TESTS))
        elif language == "python":
            assert block in app.read_text()
        else:
            for line in block.splitlines():
                if not line.startswith(INSTALLING):
                    self.type(line)

    def type(self, line: str) -> None:
        # A person sees when the wait has begun.
        line = line.replace(
            " & sleep 3;", f" >{SEEN} & until grep cooling_off {SEEN}; do sleep 0.1; done;"
        )
        directory = self.project if self.project.exists() else self.directory
        ended = self.commands.run(line, directory, self.service)
        # The second change is not patched yet.
        diverges = line.startswith("durable replay") and self.changes == 2
        assert ended.returncode == int(diverges), f"{line}\n{ended.stdout}{ended.stderr}"
        self.said += ended.stdout


def changed(text: str, diff: str) -> str:
    """A text with a change made to it, whose context is there once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert text.count(before) == 1, before
    return text.replace(before, after)


def test_the_tutorial_from_an_empty_directory(commands: Commands, tmp_path: Path) -> None:
    walk = Walk(commands, tmp_path)
    (served,) = (i for i, (_, block) in enumerate(BLOCKS) if block.startswith("durable dev "))
    for block in BLOCKS[:served]:
        walk.follow(*block)
    assert "execution second resumed" in walk.said
    assert "charge_payment [Step]  SUCCEEDED  0 ms  (before)" in walk.said
    assert "15 crashes change nothing" in walk.said
    command = BLOCKS[served][1].strip().removeprefix("durable ")
    with commands.serving("", walk.project, command) as url:
        walk.service["AWS_ENDPOINT_URL_LAMBDA"] = url
        for block in BLOCKS[served + 1 :]:
            walk.follow(*block)
    assert "expected: WAIT 'cooling_off'" in walk.said
    assert "found:    STEP 'check_fraud'" in walk.said
    assert walk.changes == 3
