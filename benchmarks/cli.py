"""What `python -m benchmarks` does."""

from __future__ import annotations

import fnmatch
import sys
from pathlib import Path

import click
from rich.box import MARKDOWN
from rich.console import Console

from benchmarks import environments, tables
from benchmarks.catalog import LANES, SDKS, WORKLOADS, Workload
from benchmarks.driver import Driver, Runs, Settings
from benchmarks.equipment import Cores, FakeService, WorkerError
from benchmarks.results import Results, about

# Wide enough for the tables where the output is not a terminal.
WIDTH = 200
DIRECTORY = click.option(
    "--environments",
    "directory",
    type=click.Path(path_type=Path),
    default=environments.DEFAULT_DIRECTORY,
    show_default="benchmarks/.venvs",
    help="Where the virtual environments are.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure what durable executions cost, against other SDKs and the bare minimum."""


@main.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(environments.REQUIREMENTS)))
@click.option("--python", default=sys.executable, help="The interpreter for the environments.")
@DIRECTORY
def setup(names: tuple[str, ...], python: str, directory: Path) -> None:
    """Make the virtual environments: ours, the official SDK's and the fork's."""
    for name in names or environments.REQUIREMENTS:
        environments.install(name, directory, python)
        click.echo(f"{name}:")
        for distribution, version in environments.versions(name, directory).items():
            click.echo(f"    {distribution} {version}")


@main.command()
@click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True)
@click.option("--sdk", "sdks", default="ours,official,fork,floor", show_default=True)
@click.option(
    "--baseline",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="The src directory of another checkout, interleaved as the lanes before*.",
)
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path))
@DIRECTORY
def run(
    workloads: tuple[str, ...],
    runs: int,
    sdks: str,
    baseline: Path | None,
    output: Path | None,
    directory: Path,
) -> None:
    """Measure workloads (names or globs; by default all) and show the tables."""
    chosen = _workloads(workloads)
    lanes = _lanes(sdks, baseline is not None)
    names = dict.fromkeys(LANES[lane].environment for lane in lanes)
    versions = {name: environments.versions(name, directory) for name in names}
    if missing := [name for name, found in versions.items() if not found]:
        raise click.ClickException(
            f"no environment for {', '.join(missing)}: run python -m benchmarks setup"
        )
    console = Console(stderr=True)
    sources = dict.fromkeys(SDKS["before"], baseline) if baseline else {}
    with console.status("starting") as status:
        settings = Settings(runs, lanes, sources, directory, status.update)
        measured, failures = _measure(chosen, settings, console)
    results = Results(measured, about(versions))
    if output is not None:
        results.save(output)
    _show(results)
    if failures:
        raise click.ClickException("\n".join(failures))


@main.command()
@click.argument("first", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("second", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--markdown", is_flag=True, help="Tables to paste into a document.")
def compare(first: Path, second: Path | None, markdown: bool) -> None:
    """Compare the SDKs in one file of results, or two files: before and after."""
    before = _load(first)
    if second is None:
        shown = [tables.details(before), tables.report(before)]
    else:
        shown = [tables.comparison(before, _load(second))]
    for table in shown:
        if markdown:
            table.box, table.title = MARKDOWN, None
        _console().print(table)


@main.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("image", type=click.Path(dir_okay=False, path_type=Path))
def chart(results: Path, image: Path) -> None:
    """Draw results into IMAGE, a .svg or .png file."""
    # matplotlib is needed for this alone.
    from benchmarks.chart import draw

    try:
        draw(_load(results), image)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command(name="list")
def list_workloads() -> None:
    """List the workloads."""
    for workload in WORKLOADS.values():
        click.echo(f"{workload.name:20} {workload.title}")


def _workloads(patterns: tuple[str, ...]) -> list[Workload]:
    for pattern in patterns:
        if not fnmatch.filter(WORKLOADS, pattern):
            raise click.BadParameter(f"no workload {pattern!r}; see python -m benchmarks list")
    return [
        workload
        for name, workload in WORKLOADS.items()
        if not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
    ]


def _lanes(sdks: str, with_baseline: bool) -> list[str]:
    names = [name.strip() for name in sdks.split(",")]
    known = [name for name in SDKS if name != "before"]
    if unknown := set(names) - set(known):
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
    if with_baseline:
        names.append("before")
    return [lane for lane in LANES if any(lane in SDKS[name] for name in names)]


def _measure(
    chosen: list[Workload], settings: Settings, console: Console
) -> tuple[Runs, list[str]]:
    """The figures of the workloads that went well, and what was wrong with the others."""
    cores = Cores.choose()
    if cores.fake == cores.worker:
        console.print("only one core: the service's work is in the figures")
    measured: Runs = {}
    failures = []
    with FakeService(cores) as fake:
        driver = Driver(settings, fake, cores)
        for workload in chosen:
            try:
                measured[workload.name] = driver.measure(workload)
            except WorkerError as error:
                failures.append(str(error))
    return measured, failures


def _load(path: Path) -> Results:
    try:
        return Results.load(path)
    except ValueError as error:
        raise click.ClickException(f"{path}: {error}") from error


def _show(results: Results) -> None:
    console = _console()
    console.print(tables.details(results))
    console.print(tables.report(results))
    if (changes := tables.baseline(results)) is not None:
        console.print(changes)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)
