"""`durable bundle`: what gets into it, for which machine, and what it says."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fake_wheels import make_wheel

from aws_durable_execution_sdk_python_testing._projects import bundling
from aws_durable_execution_sdk_python_testing.cli import main

BOTOCORE = {
    "botocore/__init__.py": "",
    "botocore/data/partitions.json": "{}",
    "botocore/data/lambda/service-2.json": "{}",
    "botocore/data/sts/service-2.json": "{}",
    "botocore/data/s3/service-2.json": "{}",
    "botocore/data/ec2/service-2.json": "x" * 1_000_000,
    "botocore/tests/test_it.py": "",
    "botocore/old.pyc": "",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose packages come from the directory `wheels`, and from nowhere else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("import native\n")
    (tmp_path / "src" / "requirements.txt").write_text("native\n")
    return tmp_path


def bundle(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["bundle", *arguments])


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def text(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_wheels_are_those_of_the_runtime(project: Path, python: str, architecture: str) -> None:
    """By Python, machine and C library: 2.26 for Python 3.11, 2.34 for the others."""
    tag = f"cp{python.replace('.', '')}"
    for machine in ("x86_64", "aarch64"):
        for version in ("cp311", "cp312", "cp313", "cp314"):
            for glibc in (17, 26, 34, 35):
                platform = f"manylinux_2_{glibc}_{machine}"
                make_wheel(project / "wheels", "native", f"{version}-{version}-{platform}")
    make_wheel(project / "wheels", "native", "cp312-cp312-macosx_11_0_arm64")
    result = bundle("--python", python, "--architecture", architecture)
    assert result.exit_code == 0, result.output
    machine = "x86_64" if architecture == "x86_64" else "aarch64"
    expected = f"{tag}-{tag}-manylinux_2_{26 if python == '3.11' else 34}_{machine}"
    assert text(project / "function.zip", "native.py") == f"TAG = {expected!r}\n"


@pytest.mark.parametrize("tag", ["manylinux2014_aarch64", "manylinux_2_17_aarch64", "any"])
def test_older_names_of_platforms_are_known(project: Path, tag: str) -> None:
    version = "py3-none" if tag == "any" else "cp313-cp313"
    make_wheel(project / "wheels", "native", f"{version}-{tag}")
    assert bundle().exit_code == 0


def test_a_package_without_a_wheel_for_the_runtime_is_refused(project: Path) -> None:
    make_wheel(project / "wheels", "native", "cp313-cp313-manylinux_2_17_x86_64")
    result = bundle("--architecture", "arm64")
    assert result.exit_code == 2
    assert "could not install src/requirements.txt for Python 3.13 on arm64" in result.stderr
    assert not (project / "function.zip").exists()


def test_what_no_function_needs_is_left_out(project: Path) -> None:
    make_wheel(project / "wheels", "native", files=BOTOCORE)
    cache = project / "src" / "__pycache__"
    for path in (cache / "app.pyc", project / "src/.env", project / "src/tests/test_app.py"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert bundle().exit_code == 0
    assert names(project / "function.zip") == [
        "app.py",
        "botocore/__init__.py",
        "botocore/data/lambda/service-2.json",
        "botocore/data/partitions.json",
        "botocore/data/sts/service-2.json",
        "native-1.0.dist-info/METADATA",
        "native-1.0.dist-info/WHEEL",
        "requirements.txt",
    ]


def test_services_that_are_named_are_kept(project: Path) -> None:
    make_wheel(project / "wheels", "native", files=BOTOCORE)
    assert bundle("--service", "s3").exit_code == 0
    kept = names(project / "function.zip")
    assert "botocore/data/s3/service-2.json" in kept
    assert "botocore/data/ec2/service-2.json" not in kept


def test_a_service_that_botocore_does_not_have_is_refused(project: Path) -> None:
    make_wheel(project / "wheels", "native", files=BOTOCORE)
    result = bundle("--service", "ec3")
    assert result.exit_code == 2
    assert "botocore has no service 'ec3': did you mean 'ec2'?" in result.stderr


def test_the_sizes_are_told(project: Path) -> None:
    make_wheel(project / "wheels", "native", files=BOTOCORE)
    lines = bundle().stdout.splitlines()
    assert [line.split("MB")[1].strip() for line in lines] == [
        "installed",
        "data of other AWS services",
        "notes of the installation",
        "tests",
        "bytecode",
        "left",
        "function.zip",
    ]
    told = json.loads(bundle("--json").stdout)
    assert told["InstalledBytes"] - told["UnzippedBytes"] == sum(told["RemovedBytes"].values())
    assert told["RemovedBytes"]["data of other AWS services"] > 1_000_000
    assert told["Bytes"] == (project / "function.zip").stat().st_size


def test_a_layer_has_the_packages_alone(project: Path) -> None:
    make_wheel(project / "wheels", "native")
    assert bundle("--layer").exit_code == 0
    assert names(project / "layer.zip")[0].startswith("python/native-1.0.dist-info/")
    assert "python/native.py" in names(project / "layer.zip")
    assert all(name.startswith("python/") for name in names(project / "layer.zip"))


def test_the_same_content_gives_the_same_bytes(project: Path) -> None:
    make_wheel(project / "wheels", "native")
    bundle("-o", "one.zip")
    os.utime(project / "src" / "app.py", (0, 0))
    (project / "src" / "app.py").chmod(0o600)
    bundle("-o", "two.zip")
    assert (project / "one.zip").read_bytes() == (project / "two.zip").read_bytes()
    with zipfile.ZipFile(project / "one.zip") as archive:
        modes = {entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes == {0o100644}


def test_a_directory_is_filled_if_it_is_empty(project: Path) -> None:
    make_wheel(project / "wheels", "native")
    (project / "build").mkdir()
    assert bundle("-o", "build").exit_code == 0
    assert (project / "build" / "app.py").read_text() == "import native\n"
    result = bundle("-o", "build")
    assert (result.exit_code, "build is not empty" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nowhere"], "nowhere is no directory: say where the function's code is"),
        (["-r", "none.txt"], "there is no none.txt: name the requirements file with -r"),
    ],
)
def test_what_is_not_there_is_named(arguments: list[str], text: str) -> None:
    result = bundle(*arguments)
    assert (result.exit_code, text in result.stderr) == (2, True)


def test_what_lambda_would_not_take_is_refused(project: Path) -> None:
    make_wheel(project / "wheels", "native")
    with (project / "src" / "model.bin").open("wb") as file:
        file.truncate(bundling.LARGEST_BYTES)
    result = bundle()
    assert result.exit_code == 2
    assert "bytes and Lambda takes 262,144,000: leave packages out" in result.stderr


def test_a_bundle_without_the_sdk_is_warned_of(project: Path) -> None:
    make_wheel(project / "wheels", "native")
    assert "have no aws-durable-execution-sdk-python" in bundle().stderr
    make_wheel(project / "wheels", "native", files={f"{bundling.SDK}/__init__.py": ""})
    assert not bundle().stderr
