"""JSON given on the command line, and JSON printed."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_json

EVENT_HELP = "The event as JSON; @FILE reads it from a file, - from standard input. Default: {}."

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
P = ParamSpec("P")
R = TypeVar("R")


def log_level_option(*, default: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Add `--log-level`, for `harmless_logs`.

    Parameters:
        default: None leaves it to the program.
    """
    unless_given = "" if default else " Default: what the program says, else WARNING."
    return click.option(
        "--log-level",
        type=click.Choice(LOG_LEVELS, case_sensitive=False),
        default=default,
        show_default=default is not None,
        help=f"Show what is logged at this level and above, on standard error.{unless_given}",
    )


def read_json(text: str, what: str) -> Any:
    """The value of a JSON text, of the file `@FILE`, or of standard input for `-`.

    Raises:
        CommandError: it cannot be read, or is not JSON.
    """
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {what}: {error}") from error
    return parse_json(text, what)


def parse_json(text: str, what: str) -> Any:
    """The value of a JSON text; Problem if it is none, or nothing that the service could store."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise CommandError(
            f"{what} is not valid JSON: half of a surrogate pair in a string"
        ) from error
    except ValueError as error:
        raise CommandError(f"{what} is not valid JSON: {error}") from error
    except RecursionError as error:
        raise CommandError(f"{what} is nested too deeply to be read") from error
    return value


def parse_callback(text: str) -> tuple[str, Any]:
    """The name and the answer of `NAME=JSON`; raises as `parse_json`."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise CommandError(f"--callback needs NAME=JSON, not {text!r}")
    return name, parse_json(value, f"--callback {name}")


def print_json(value: Any) -> None:
    """Print an answer of the API as JSON; times in ISO 8601."""
    say(harmless_json("".join(_written(value))))


def _written(value: Any) -> Iterator[str]:
    """JSON in lines, as `json` indents it, of values that may be nested deep."""
    # What is still to be written, the next last: texts, and values with the line they begin.
    rest: list[str | tuple[Any, str]] = [(value, "\n")]
    while rest:
        each = rest.pop()
        if isinstance(each, str):
            yield each
            continue
        value, line = each
        parts: list[str | tuple[Any, str]] = []
        inside = f"{line}  "
        if isinstance(value, Mapping) and value:
            for key, member in value.items():
                parts += [",", f"{inside}{json.dumps(key, ensure_ascii=False)}: ", (member, inside)]
            parts = ["{", *parts[1:], f"{line}}}"]
        elif isinstance(value, list | tuple) and value:
            for member in value:
                parts += [",", inside, (member, inside)]
            parts = ["[", *parts[1:], f"{line}]"]
        else:
            parts = [json.dumps(value, ensure_ascii=False, default=_encode)]
        rest += reversed(parts)


@contextlib.contextmanager
def prints_aside(wanted: bool = True) -> Iterator[None]:
    """Send what a program prints to standard error: it must not get into what a command prints."""
    with contextlib.redirect_stdout(sys.stderr) if wanted else contextlib.nullcontext():
        yield


def without_metadata(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What the service said, without what boto3 adds about the call."""
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _refuse_constant(name: str) -> NoReturn:
    # Python reads NaN and Infinity, which JSON does not have and other readers refuse.
    raise ValueError(f"{name} is no JSON value")


def _encode(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
