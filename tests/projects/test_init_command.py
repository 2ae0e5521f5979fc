"""`durable init`: what it takes, says and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from project_bench import TEMPLATES

from aws_durable_execution_sdk_python import __version__
from aws_durable_execution_sdk_python_testing.cli import main


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


def test_it_names_the_files_and_what_to_do_next(directory: Path) -> None:
    result = init("shop")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[-1].startswith("Now: cd shop && pytest && durable run ")
    written = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert set(lines[:-2]) == written
    assert "shop/src/app.py" in written
    assert "shop/.github/workflows/deploy.yml" in written


def test_the_project_pins_the_version_that_wrote_it(directory: Path) -> None:
    init("shop")
    requirements = (directory / "shop/src/requirements.txt").read_text()
    assert f"aws-durable-execution-sdk-python=={__version__}\n" in requirements


def test_a_project_is_written_into_an_empty_directory(directory: Path) -> None:
    (directory / "team" / "shop").mkdir(parents=True)
    assert init("team/shop").exit_code == 0
    assert "Default: shop\n" in (directory / "team/shop/template.yaml").read_text()


@pytest.mark.parametrize("template", TEMPLATES)
def test_nothing_is_left_of_the_name_in_the_package(directory: Path, template: str) -> None:
    init("shop", "--template", template)
    for path in filter(Path.is_file, directory.rglob("*")):
        text = path.read_text(encoding="utf-8")
        assert "durable-project" not in text, path
        assert "SDK_VERSION" not in text, path


@pytest.mark.parametrize("name", ["7up", "my_shop", "s" * 65, "ä", "-"])
def test_a_name_that_no_function_can_have_is_refused(directory: Path, name: str) -> None:
    result = init("--", name)
    assert result.exit_code == 2
    assert f"1 to 64 letters, digits and hyphens, a letter first: not '{name}'" in result.stderr
    assert not list(directory.iterdir())


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_nothing_is_overwritten(directory: Path, kind: str) -> None:
    if kind == "file":
        (directory / "shop").touch()
    else:
        (directory / "shop").mkdir()
        (directory / "shop" / "notes.txt").touch()
    result = init("shop")
    assert result.exit_code == 2
    assert "shop is there already" in result.stderr
    assert len(list(directory.rglob("*"))) == (1 if kind == "file" else 2)
