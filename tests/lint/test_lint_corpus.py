"""The lint against real code: nothing false is found in it, and none of it brings the lint down."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python_testing._lint.linter import lint_tree
from aws_durable_execution_sdk_python_testing.lint import CODES, lint_paths, lint_source

SDK = "aws_durable_execution_sdk_python"
ROOT = Path(__file__).parents[2]
STDLIB = Path(sysconfig.get_path("stdlib"))
# Modules of every kind: large, async, full of scopes, of operators, of old and of new syntax.
MODULES = [
    STDLIB / name
    for name in (
        "argparse.py",
        "ast.py",
        "asyncio/base_events.py",
        "asyncio/tasks.py",
        "collections/__init__.py",
        "contextlib.py",
        "dataclasses.py",
        "datetime.py",
        "enum.py",
        "inspect.py",
        "random.py",
        "subprocess.py",
        "tempfile.py",
        "types.py",
        "typing.py",
        "unittest/mock.py",
        "uuid.py",
        "zipfile.py",
    )
    if (STDLIB / name).exists()
]

# The handlers of our own tests that do on purpose what the lint warns of.
ON_PURPOSE = {
    # They count runs and observe orders in variables of the test.
    "tests/model/test_crash_regressions.py": {"DUR301"},
    "tests/runtime/test_many_branches.py": {"DUR302", "DUR303"},
    "tests/runtime/test_batch_losers.py": {"DUR302", "DUR401"},
    "tests/runtime/test_environment.py": {"DUR301", "DUR303", "DUR401", "DUR604"},
    # Their own threads and times are what they are about.
    "tests/runtime/test_deadline_of_waits.py": {"DUR105"},
    "tests/runtime/test_suspension_proof.py": {"DUR101"},
    "tests/runtime/test_large_process.py": {"DUR302", "DUR303"},
    "tests/operations/test_recorded_time.py": {"DUR604"},
    "tests/operations/test_context_ownership.py": {"DUR203", "DUR303", "DUR601"},
    "tests/testing/test_replaying.py": {"DUR303"},
    "tests/testing/test_virtual_time.py": {"DUR302"},
    # They catch the suspension, share a context and count besides.
    "tests/runtime/test_suspension_async.py": {
        "DUR301",
        "DUR302",
        "DUR303",
        "DUR401",
        "DUR603",
        "DUR604",
    },
    "tests/replay_model/test_replayed_programs.py": {"DUR303"},
    # Time-outs that are forgotten are what they are about.
    "tests/runtime/test_asyncio_replays.py": {"DUR604"},
    "tests/runtime/test_forgotten_timers.py": {"DUR604"},
    "tests/runtime/test_suspension_blocking.py": {
        "DUR203",
        "DUR301",
        "DUR302",
        "DUR303",
        "DUR401",
    },
    # Its handlers tell in which process they run.
    "tests/sandbox/functions/durable_functions.py": {"DUR104"},
    # Mistakes that type checkers have to find.
    "tests/typing/samples/callbacks_and_invokes.py": {"DUR601"},
    "tests/typing/samples/handlers.py": {"DUR701"},
}


def test_examples_and_sources_are_clean() -> None:
    report = lint_paths([ROOT / "examples", ROOT / "src", ROOT / "benchmarks"])
    assert report.files > 100
    assert (report.findings, report.problems) == ([], [])


def test_handlers_of_tests_are_clean_where_they_are_right() -> None:
    """Only files that are listed have findings, and these of the listed kinds only."""
    report = lint_paths([ROOT / "tests"])
    found = {
        (Path(finding.path).relative_to(ROOT).as_posix(), finding.code)
        for finding in report.findings
    }
    expected = {(path, code) for path, codes in ON_PURPOSE.items() for code in codes}
    assert found <= expected
    assert report.problems == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_code_that_does_not_use_the_sdk_has_no_findings(module: Path) -> None:
    assert lint_source(module.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_any_code_made_durable_can_be_linted(module: Path) -> None:
    """Every function gets one of the decorators, so that the rules look at all of them."""
    text = module.read_text(encoding="utf-8")
    tree = _Decorating().visit(ast.parse(text))
    tree.body.insert(0, ast.parse("from aws_durable_execution_sdk_python import *").body[0])
    findings = lint_tree(ast.fix_missing_locations(tree), f"{text}\n# {SDK}", module.name)
    assert {finding.code for finding in findings} <= CODES.keys()


DECORATORS = ("durable_execution", "durable_step", "durable_with_child_context", "cache")


_F = TypeVar("_F", ast.FunctionDef, ast.AsyncFunctionDef)


class _Decorating(ast.NodeTransformer):
    def __init__(self) -> None:
        self._count = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return self._decorate(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return self._decorate(node)

    def _decorate(self, node: _F) -> _F:
        self.generic_visit(node)
        self._count += 1
        decorator = ast.Name(DECORATORS[self._count % len(DECORATORS)], ast.Load())
        node.decorator_list.append(ast.copy_location(decorator, node))
        if self._count % 3 == 0 and node.args.args:
            annotation = ast.Name("AsyncDurableContext", ast.Load())
            node.args.args[0].annotation = ast.copy_location(annotation, node)
        return node


# Few names, so that they are bound again and again, in circles, and in every scope.
NAMES = st.sampled_from(["a", "b", "c", "ctx", "self", "set", "time"])
ATTRIBUTES = st.sampled_from(["step", "map", "parallel", "wait", "result", "time", "append", "a"])


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one, two = inner, inner
    return st.one_of(
        st.builds("{}.{}".format, one, ATTRIBUTES),
        st.builds("{}({}, name={})".format, one, two, one),
        st.builds("{}(*{})".format, one, two),
        st.builds("with_retry({}, {})".format, one, two),
        st.builds("{}.create_callback().result()".format, one),
        st.builds("asyncio.gather({}, {})".format, one, two),
        st.builds("functools.partial({}, {})".format, one, two),
        st.builds("durable_step({})".format, one),
        st.builds("{}[{}]".format, one, two),
        st.builds("(lambda {}: {})".format, NAMES, one),
        st.builds("({} := {})".format, NAMES, one),
        st.builds("(await {})".format, one),
        st.builds("[{} for {} in {}]".format, one, NAMES, two),
        st.builds("{{{}, {}}}".format, one, two),
        st.builds("({} if {} else {})".format, one, two, one),
        st.builds("[{}, *{}]".format, one, two),
        st.builds("({} | {})".format, one, two),
        st.builds("f'{{{}}}'".format, NAMES),
    )


EXPRESSIONS = st.recursive(NAMES | st.just("(1)"), _combined, max_leaves=5)


def _indented(lines: list[str]) -> str:
    return "\n".join("    " + line for block in lines for line in block.splitlines())


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map(_indented)
    decorator = st.sampled_from(["@durable_execution", "@durable_step", "@cache"])
    annotation = st.sampled_from(["", ": DurableContext", ": 'AsyncDurableContext'", ": set"])
    return st.one_of(
        st.builds("{}\ndef {}({}{}, b=1):\n{}".format, decorator, NAMES, NAMES, annotation, body),
        st.builds("async def {}({}{}):\n{}".format, NAMES, NAMES, annotation, body),
        st.builds("class {}({}):\n{}".format, NAMES, EXPRESSIONS, body),
        st.builds("for {} in {}:\n{}".format, NAMES, EXPRESSIONS, body),
        st.builds("if {}:\n{}\nelse:\n{}".format, EXPRESSIONS, body, body),
        st.builds("with {} as {}:\n{}".format, EXPRESSIONS, NAMES, body),
        st.builds("try:\n{}\nexcept {} as {}:\n{}".format, body, EXPRESSIONS, NAMES, body),
        st.builds("try:\n{}\nexcept:\n{}".format, body, body),
    )


STATEMENTS = st.recursive(
    st.one_of(
        EXPRESSIONS,
        st.builds("{} = {}".format, NAMES, EXPRESSIONS),
        st.builds("{}, {} = {}, {}".format, NAMES, NAMES, EXPRESSIONS, EXPRESSIONS),
        st.builds("{}.a = {}".format, NAMES, EXPRESSIONS),
        st.builds("{}[0] += {}".format, NAMES, EXPRESSIONS),
        st.builds("{}: set = {}".format, NAMES, EXPRESSIONS),
        st.builds("return {}".format, EXPRESSIONS),
        st.builds("global {}".format, NAMES),
        st.builds("nonlocal {}".format, NAMES),
        st.builds("import time as {}".format, NAMES),
        st.builds("del {}".format, NAMES),
    ),
    _compound,
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(st.lists(STATEMENTS, min_size=1, max_size=5).map("\n".join))
def test_no_program_brings_the_lint_down(program: str) -> None:
    """And every finding is at a place in the program."""
    text = f"import asyncio, functools\nfrom {SDK} import *\n{program}\n"
    lines = text.splitlines()
    for finding in lint_source(text):
        assert 1 <= finding.line <= finding.end_line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1])
        assert finding.end_column <= len(lines[finding.end_line - 1]) + 1


@pytest.mark.parametrize(
    "program",
    [
        "a = a",
        "a = b\nb = a\na.step(b)",
        "a = [a]\nasyncio.gather(a)",
        "a = functools.partial(a, 1)\na = functools.partial(a, 2)",
        "def a(ctx: DurableContext):\n    return a(ctx)",
        "async def a(ctx: AsyncDurableContext):\n    await asyncio.gather(a(ctx), a(ctx))",
        "a = lambda: a\ndef b(ctx: DurableContext):\n    ctx.step(a())",
        "a = [*a]\ndef b(ctx: DurableContext):\n    ctx.map(a, b)",
    ],
)
def test_circles_end(program: str) -> None:
    assert lint_source(f"import asyncio, functools\nfrom {SDK} import *\n{program}\n") == []
