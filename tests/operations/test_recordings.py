"""Today's code run against recorded histories: what is the same, and what is reported."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flavours import FLAVOURS, Flavour

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    Duration,
    MapConfig,
    StepConfig,
    StepSemantics,
)
from aws_durable_execution_sdk_python.retries import RetryDecision
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing._recordings import (
    Recording,
    RecordingError,
    ReplayDivergedError,
    assert_replays,
    replay,
)
from aws_durable_execution_sdk_python_testing.cli import main

Body = Callable[[Any, Any], Any]


@pytest.fixture(params=FLAVOURS, ids=repr)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    return chosen


def record(handler: Any, event: Any = None, **run: Any) -> Recording:
    """The history of one run."""
    with DurableFunctionTestRunner(handler) as runner:
        runner.register_function("double", lambda number, _: 2 * number)
        return Recording(runner.run(event, **run).events)


def beginnings(recording: Recording) -> list[Recording]:
    """The recording as it was after each of its events."""
    return [Recording(recording.events[:count]) for count in range(1, len(recording.events) + 1)]


class Bodies:
    """Functions of steps that tell how often they ran."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, value: Any = None, *, fails: int = 0) -> Callable[[Any], Any]:
        def body(_: Any) -> Any:
            self.runs += 1
            if self.runs <= fails:
                raise ConnectionError("again")
            return value

        return body


# ------------------------------------------------------------------------- what is the same


def everything(flavour: Flavour, bodies: Bodies) -> Any:
    """A handler with an operation of each kind."""

    async def child(ctx: Any) -> int:
        await ctx.wait(seconds=2, name="inner wait")
        value: int = await ctx.step(bodies(3), name="inner step")
        return value

    async def branch(ctx: Any, item: int, index: int, items: Any) -> int:
        await ctx.wait(seconds=item, name="pause")
        result: int = await ctx.step(bodies(item), name="branch step")
        return result

    async def handler(event: Any, ctx: Any) -> Any:
        def again(error: Exception, attempt: int) -> RetryDecision:
            return RetryDecision.retry(1)

        retried = await ctx.step(
            bodies(1, fails=1), name="retried", config=StepConfig(retry_strategy=again)
        )
        once = StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY)
        await ctx.step(bodies("x" * 1000), name="once", config=once)
        inside = await ctx.run_in_child_context(flavour.function(child), name="child")
        condition = await ctx.wait_for_condition(
            lambda state, _: state + 1,
            WaitForConditionConfig(
                initial_state=0,
                wait_strategy=lambda state, _: (
                    WaitForConditionDecision.stop_polling()
                    if state == 3
                    else WaitForConditionDecision.continue_waiting(Duration.from_seconds(1))
                ),
            ),
            name="condition",
        )
        answer = await ctx.wait_for_callback(lambda callback_id, _: None, name="approval")
        doubled = await ctx.invoke("double", 4, name="double")
        every = await ctx.map([1, 2, 3], flavour.function(branch), name="every")
        first = await ctx.map(
            [3, 2, 1],
            flavour.function(branch),
            name="first",
            config=MapConfig(completion_config=CompletionConfig(min_successful=1)),
        )
        return [retried, inside, condition, answer, doubled, list(every), first.success_count]

    return flavour.durable(handler)


def test_the_same_code_replays_from_every_beginning(flavour: Flavour) -> None:
    """Whatever the history ends with, the code that wrote it does not diverge."""
    recording = record(everything(flavour, Bodies()), callbacks={"approval": {"ok": True}})
    bodies = Bodies()
    for beginning in beginnings(recording):
        report = replay(everything(flavour, bodies), beginning)
        assert report.divergence is None, (len(beginning.events), str(report.divergence))
    assert bodies.runs == 0


def test_a_finished_execution_comes_to_its_end(flavour: Flavour) -> None:
    recording = record(everything(flavour, Bodies()), callbacks={"approval": 1})
    report = replay(everything(flavour, Bodies()), recording)
    assert (report.recorded, report.replayed, report.ok) == ("SUCCEEDED", "SUCCEEDED", True)


def test_large_results_are_made_again(flavour: Flavour) -> None:
    """What is too large to be stored is made of its parts, in a child and in a map."""

    async def large(ctx: Any, *_: Any) -> str:
        letter: str = await ctx.step(lambda _: "x", name="letter")
        return letter * 300_000

    async def handler(event: Any, ctx: Any) -> int:
        alone = await ctx.run_in_child_context(flavour.function(large), name="alone")
        both = await ctx.map([1, 2], flavour.function(large), name="both")
        one = await ctx.map(
            [1, 2],
            flavour.function(large),
            name="one",
            config=MapConfig(
                max_concurrency=1, completion_config=CompletionConfig(min_successful=1)
            ),
        )
        return len(alone) + sum(map(len, both)) + len(one[0])

    recording = record(flavour.durable(handler))
    for beginning in beginnings(recording):
        assert_replays(flavour.durable(handler), beginning)


def test_an_execution_that_failed_replays(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> None:
        def broken(_: Any) -> None:
            raise ValueError("no")

        await ctx.step(broken, name="broken")

    recording = record(flavour.durable(handler))
    assert recording.status == "FAILED"
    report = replay(flavour.durable(handler), recording)
    assert (report.ok, report.replayed) == (True, "FAILED")


def test_operations_side_by_side_replay() -> None:
    """Operations of one context that are awaited together."""

    @durable_execution
    async def handler(event: Any, ctx: Any) -> Any:
        return await asyncio.gather(
            ctx.wait(seconds=2), ctx.step(lambda _: 1), ctx.wait(seconds=1), ctx.step(lambda _: 2)
        )

    for beginning in beginnings(record(handler)):
        assert_replays(handler, beginning)


# ---------------------------------------------------------------------------- what is reported


async def original(event: Any, ctx: Any) -> str:
    await ctx.step(lambda _: 1, name="reserve")
    await ctx.wait(seconds=5, name="cool down")
    await ctx.step(lambda _: 2, name="charge")
    return "done"


async def renamed(event: Any, ctx: Any) -> str:
    await ctx.step(lambda _: 1, name="reserve")
    await ctx.wait(seconds=5, name="cool off")
    await ctx.step(lambda _: 2, name="charge")
    return "done"


async def inserted(event: Any, ctx: Any) -> str:
    await ctx.step(lambda _: 1, name="reserve")
    await ctx.step(lambda _: 0, name="audit")
    await ctx.wait(seconds=5, name="cool down")
    await ctx.step(lambda _: 2, name="charge")
    return "done"


async def removed(event: Any, ctx: Any) -> str:
    await ctx.step(lambda _: 1, name="reserve")
    await ctx.wait(seconds=5, name="cool down")
    return "done"


async def added_at_the_end(event: Any, ctx: Any) -> str:
    result = await original(event, ctx)
    await ctx.step(lambda _: 3, name="notify")
    return result


async def raises(event: Any, ctx: Any) -> str:
    await original(event, ctx)
    raise LookupError("gone")


CHANGES = {
    renamed: ("WAIT 'cool down' (Wait)", "WAIT 'cool off' (Wait)"),
    inserted: ("WAIT 'cool down' (Wait)", "STEP 'audit' (Step)"),
    removed: ("STEP 'charge' (Step)", "the handler returns without asking for it"),
    added_at_the_end: ("nothing more here", "STEP 'notify' (Step)"),
    raises: ("the handler to return", "the handler raises LookupError: gone"),
}


@pytest.mark.parametrize("changed", CHANGES, ids=lambda body: body.__name__)
def test_the_first_difference_is_reported(flavour: Flavour, changed: Body) -> None:
    recording = record(flavour.durable(original))
    report = replay(flavour.durable(changed), recording)
    assert report.divergence is not None
    assert (report.divergence.expected, report.divergence.found) == CHANGES[changed]
    assert report.divergence.causes


@pytest.mark.parametrize("changed", [renamed, inserted, removed], ids=lambda body: body.__name__)
def test_executions_under_way_are_checked_too(flavour: Flavour, changed: Body) -> None:
    """Cut off after the wait's beginning: what comes later is no difference yet."""
    recording = record(flavour.durable(original))
    waiting = next(
        beginning
        for beginning in beginnings(recording)
        if beginning.events[-1]["EventType"] == "WaitStarted"
    )
    assert replay(flavour.durable(changed), waiting).ok is (changed is removed)


def test_a_difference_inside_contexts_that_have_ended_is_found(flavour: Flavour) -> None:
    def nested(name: str) -> Any:
        async def inner(ctx: Any, *_: Any) -> Any:
            return await ctx.step(lambda _: 1, name=name)

        async def handler(event: Any, ctx: Any) -> Any:
            return len(await ctx.map([1], flavour.function(inner), name="items"))

        return flavour.durable(handler)

    report = replay(nested("new"), record(nested("old")))
    assert report.divergence is not None
    assert report.divergence.expected == "STEP 'old' (Step) in map-item-0"
    assert report.divergence.found == "STEP 'new' (Step) in map-item-0"


def nested(flavour: Flavour, inside: list[str], after: list[str]) -> Any:
    """A handler with steps in a child context, and others after it."""

    async def child(ctx: Any, *_: Any) -> None:
        for name in inside:
            await ctx.step(lambda _: 1, name=name)

    async def handler(event: Any, ctx: Any) -> None:
        await ctx.run_in_child_context(flavour.function(child), name="child")
        for name in after:
            await ctx.step(lambda _: 2, name=name)
        await ctx.wait(seconds=5, name="cool down")

    return flavour.durable(handler)


@pytest.mark.parametrize(
    ("inside", "after", "expected", "found"),
    [
        (["a", "b"], ["c"], "nothing more in child", "STEP 'b' (Step) in child"),
        (["a", "c"], [], "nothing more in child", "STEP 'c' (Step) in child"),
        (["a", "b"], ["d"], "nothing more in child", "STEP 'b' (Step) in child"),
        ([], ["d"], "STEP 'a' (Step) in child", "the code in child does not ask for it"),
    ],
    ids=["added", "moved into the child", "added before another", "removed before another"],
)
@pytest.mark.parametrize("last", ["WaitStarted", "ExecutionSucceeded"])
def test_a_difference_at_the_end_of_a_context_comes_before_what_follows(
    flavour: Flavour, inside: list[str], after: list[str], expected: str, found: str, last: str
) -> None:
    """Whether the execution has ended or is under way: the first one is named, and its line."""
    recording = record(nested(flavour, ["a"], ["c"]))
    cut = next(one for one in beginnings(recording) if one.events[-1]["EventType"] == last)
    divergence = replay(nested(flavour, inside, after), cut).divergence
    assert divergence is not None
    assert (divergence.expected, divergence.found) == (expected, found)
    assert divergence.source is not None


@pytest.mark.parametrize(
    ("error_type", "is_complete"),
    [
        ("Sandbox.Timedout", False),
        ("Runtime.ExitError", False),
        ("CheckpointError", False),
        ("aws_durable_execution_sdk_python.exceptions.GetExecutionStateError", False),
        ("ValueError", True),
        ("app.CheckpointError", True),
    ],
)
def test_an_execution_whose_invocations_failed_was_cut_off(
    flavour: Flavour, error_type: str, is_complete: bool
) -> None:
    """What its code had not come to is no difference, unless the code itself ended there."""
    recording = record(flavour.durable(original))
    waiting = next(
        one for one in beginnings(recording) if one.events[-1]["EventType"] == "WaitSucceeded"
    )
    end = {
        "EventType": "ExecutionFailed",
        "EventId": len(waiting.events) + 1,
        "EventTimestamp": waiting.events[-1]["EventTimestamp"],
        "ExecutionFailedDetails": {"Error": {"Payload": {"ErrorType": error_type}}},
    }
    failed = Recording([*waiting.events, end])
    report = replay(flavour.durable(original), failed)
    assert (report.recorded, failed.is_complete) == ("FAILED", is_complete)
    assert report.ok is not is_complete


def test_the_line_of_the_first_difference_is_named() -> None:
    @durable_execution
    def before(event: Any, context: DurableContext) -> None:
        context.step(lambda _: 1, name="old")

    @durable_execution
    def after(event: Any, context: DurableContext) -> None:
        context.step(lambda _: 1, name="new")

    with pytest.raises(ReplayDivergedError, match=r"expected: STEP 'old'") as raised:
        assert_replays(after, record(before))
    divergence = raised.value.report.divergence
    assert divergence is not None
    assert divergence.source is not None
    assert (divergence.source.file, divergence.source.function) == (__file__, "after")
    assert 'context.step(lambda _: 1, name="new")' in _line(divergence.source.line)


def _line(number: int) -> str:
    return Path(__file__).read_text().splitlines()[number - 1]


def test_a_handler_that_is_not_durable_is_refused() -> None:
    recording = record(FLAVOURS[0].durable(original))
    with pytest.raises(TypeError, match="decorate it with @durable_execution"):
        replay(lambda event, context: None, recording)


# ----------------------------------------------------------------------------------- files


def test_what_was_saved_is_read_back(tmp_path: Path, flavour: Flavour) -> None:
    recording = record(flavour.durable(original))
    recording.save(tmp_path / "one.json")
    loaded = Recording.load(tmp_path / "one.json")
    assert (loaded.status, len(loaded.events)) == (recording.status, len(recording.events))
    assert_replays(flavour.durable(original), tmp_path / "one.json")


def test_the_output_of_the_aws_command_line_will_do(tmp_path: Path) -> None:
    recording = record(FLAVOURS[0].durable(original))
    (tmp_path / "aws.json").write_text(json.dumps({"Events": recording.events}, default=str))
    assert_replays(FLAVOURS[0].durable(original), tmp_path / "aws.json")


def test_redaction_reaches_every_payload() -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        def broken(_: Any) -> None:
            raise ValueError("secret-error")

        await ctx.step(lambda _: "secret-step", name="s")
        try:
            await ctx.step(broken, name="broken")
        except ValueError:
            return await ctx.invoke("double", "secret-input", name="double")

    recording = record(FLAVOURS[1].durable(handler), {"key": "secret-event"})
    assert json.dumps(recording.events, default=str).count("secret-") >= 5
    hidden = recording.redacted(lambda text, event: '"hidden"')
    assert "secret" not in json.dumps(hidden.events, default=str)
    assert_replays(FLAVOURS[1].durable(handler), hidden)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot read"),
        ("[]", "no recorded history"),
        ('{"Events": [{"EventType": "StepStarted"}]}', "does not begin with"),
        (
            json.dumps(
                {
                    "Events": [
                        {
                            "EventType": "ExecutionStarted",
                            "EventId": 1,
                            "ExecutionStartedDetails": {"Input": {"Truncated": True}},
                        }
                    ]
                }
            ),
            "payload of event 1 .* is truncated",
        ),
        ('{"Events": [{"EventType": "ExecutionStarted"}]}', "events without an Id"),
        ('{"Events": [{"EventType": "ExecutionStarted", "Id": "1"}]}', "cannot be read"),
    ],
)
def test_files_that_are_no_recordings_are_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    with pytest.raises(RecordingError, match=message):
        Recording.load(file)


# -------------------------------------------------------------------------------- the command

PROGRAM = """
from aws_durable_execution_sdk_python import durable_execution

@durable_execution
def handler(event, context):
    context.step(lambda _: 1, name="{name}")
    print("a print of the program")
"""


class Project:
    """A directory with a program and a recording of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recordings = path / "recordings"
        self.recordings.mkdir()

        @durable_execution
        def handler(event: Any, context: DurableContext) -> None:
            context.step(lambda _: 1, name="old")

        record(handler).save(self.recordings / "one.json")

    def replay(self, name: str, *options: str) -> Result:
        """Replay with a program whose step has that name."""
        return CliRunner().invoke(main, self.arguments(name, *options))

    def arguments(self, name: str, *options: str) -> list[str]:
        program = self.path / f"program_{name}.py"
        program.write_text(PROGRAM.format(name=name))
        return ["replay", str(self.recordings), "--handler", f"{program}:handler", *options]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_command_is_content_with_what_replays(project: Project) -> None:
    result = project.replay("old")
    assert (result.exit_code, result.stdout[:7]) == (0, "replays")


def test_the_command_reports_what_diverges(project: Project) -> None:
    result = project.replay("new", "--json")
    (report,) = json.loads(result.stdout)
    assert (result.exit_code, report["Replays"]) == (1, False)
    assert report["Divergence"]["Expected"] == "STEP 'old' (Step)"
    assert report["Divergence"]["Source"]["Line"] == 6


@pytest.mark.parametrize(("options", "is_logged"), [((), False), (("--log-level", "error"), True)])
def test_what_diverges_is_said_once(
    project: Project, options: tuple[str, ...], is_logged: bool
) -> None:
    """And not in the log as well, unless that is asked for. A process has handlers of its own."""
    durable = Path(sys.executable).with_name("durable")
    command = [durable, *project.arguments("new", *options)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, "STEP 'old'" in ended.stdout) == (1, True)
    assert ("Traceback" in ended.stderr) is is_logged


def test_what_the_code_prints_does_not_mix_with_the_report(project: Project) -> None:
    result = project.replay("old", "--json")
    assert [report["Replays"] for report in json.loads(result.stdout)] == [True]
    assert "a print of the program" in result.stderr


def test_the_command_refuses_a_directory_without_recordings(project: Project) -> None:
    (project.recordings / "one.json").unlink()
    result = project.replay("old")
    assert (result.exit_code, "no recordings" in result.stderr) == (2, True)


# ------------------------------------------------------------------------------------- patches


def changing(flavour: Flavour, version: str) -> Any:
    """A handler before a change, with its patch, with the patch deprecated, and without it."""

    def is_new(ctx: Any) -> bool:
        if version == "deprecated":
            ctx.deprecate_patch("fraud")
        answer: bool = ctx.patched("fraud") if version == "patched" else version != "before"
        return answer

    async def child(ctx: Any) -> Any:
        await ctx.step(lambda _: 1, name="look")
        if is_new(ctx):
            await ctx.step(lambda _: 2, name="look twice")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.run_in_child_context(flavour.function(child), name="check")
        if is_new(ctx):
            await ctx.step(lambda _: 3, name="report")
        await ctx.wait(seconds=1)
        if is_new(ctx):
            await ctx.step(lambda _: 4, name="thank")

    return flavour.durable(handler)


@pytest.mark.parametrize(
    ("begun", "today"),
    [
        ("before", "patched"),
        ("patched", "patched"),
        ("patched", "deprecated"),
        ("deprecated", "deprecated"),
        ("deprecated", "after"),
    ],
)
def test_a_patch_lets_what_was_recorded_at_any_point_replay(
    flavour: Flavour, begun: str, today: str
) -> None:
    recording = record(changing(flavour, begun))
    for beginning in beginnings(recording):
        assert_replays(changing(flavour, today), beginning)


@pytest.mark.parametrize(
    ("begun", "today", "found"),
    [
        ("before", "deprecated", "look twice"),
        ("before", "after", "look twice"),
        ("deprecated", "patched", "look twice"),
        ("patched", "before", "look twice"),
        ("patched", "after", "deprecate_patch('fraud')"),
    ],
)
def test_a_patch_that_is_taken_out_too_early_is_reported(
    flavour: Flavour, begun: str, today: str, found: str
) -> None:
    report = replay(changing(flavour, today), record(changing(flavour, begun)))
    assert report.divergence is not None
    assert found in str(report.divergence)


def test_a_patch_that_nobody_mentions_is_named_with_its_context(flavour: Flavour) -> None:
    report = replay(changing(flavour, "after"), record(changing(flavour, "patched")))
    assert report.divergence is not None
    assert report.divergence.expected == "the patch 'fraud' in check"
