"""What each rule of the lint finds, where, and what it leaves alone."""

from __future__ import annotations

import textwrap

import pytest

from aws_durable_execution_sdk_python_testing.lint import lint_source

HEAD = "from aws_durable_execution_sdk_python import *\n"


def found(code: str) -> list[tuple[str, int]]:
    """Codes and lines; the first line of `code` is line 1."""
    findings = lint_source(HEAD + textwrap.dedent(code).lstrip("\n"))
    return [(one.code, one.line - 1) for one in findings]


def in_handler(body: str, before: str = "", *, is_async: bool = False) -> list[tuple[str, int]]:
    """What is found in a handler's body; line 1 is its first."""
    kind, context = ("async def", "AsyncDurableContext") if is_async else ("def", "DurableContext")
    head = textwrap.dedent(before).strip("\n")
    head = f"{head}\n@durable_execution\n{kind} handler(event, context: {context}):\n".lstrip()
    code = head + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
    return [(one, line - head.count("\n")) for one, line in found(code)]


@pytest.mark.parametrize(
    ("imports", "expression"),
    [
        ("import time", "time.time()"),
        ("import time as t", "t.monotonic_ns()"),
        ("from time import time as now", "now()"),
        ("import datetime", "datetime.datetime.now(datetime.timezone.utc)"),
        ("from datetime import datetime as dt", "dt.utcnow().isoformat()"),
        ("from datetime import date", "date.today()"),
        ("import time", "time.strftime('%H')"),
        ("import datetime\nclock = datetime.datetime", "clock.now()"),
        ("try:\n    import arrow\nexcept ImportError:\n    arrow = None", "arrow.utcnow()"),
    ],
)
def test_clocks(imports: str, expression: str) -> None:
    assert in_handler(f"return {expression}", imports) == [("DUR101", 1)]


@pytest.mark.parametrize(
    ("imports", "expression"),
    [
        ("import random", "random.randint(1, 6)"),
        ("from random import choice", "choice(event)"),
        ("import secrets", "secrets.token_hex()"),
        ("import os", "os.urandom(8)"),
        ("import random", "random.Random()"),
        ("import numpy as np", "np.random.rand()"),
    ],
)
def test_random_values(imports: str, expression: str) -> None:
    assert in_handler(f"return {expression}", imports) == [("DUR102", 1)]


@pytest.mark.parametrize(
    ("imports", "expression"),
    [("import uuid", "uuid.uuid4().hex"), ("from uuid import uuid1 as make", "make()")],
)
def test_ids(imports: str, expression: str) -> None:
    assert in_handler(f"return {expression}", imports) == [("DUR103", 1)]


@pytest.mark.parametrize(
    ("imports", "expression"),
    [
        ("import os", "os.environ['REGION']"),
        ("import os", "os.environ.get('REGION')"),
        ("import os", "'REGION' in os.environ"),
        ("import os", "{**os.environ}"),
        ("from os import environ as env", "env['REGION']"),
        ("from os import getenv", "getenv('REGION')"),
        ("import socket", "socket.gethostname()"),
    ],
)
def test_environment(imports: str, expression: str) -> None:
    assert in_handler(f"return {expression}", imports) == [("DUR104", 1)]


@pytest.mark.parametrize(
    ("before", "expression"),
    [
        ("import requests", "requests.get('https://example.com').json()"),
        ("import requests\nsession = requests.Session()", "session.post('https://example.com')"),
        ("import urllib.request", "urllib.request.urlopen('https://example.com')"),
        ("import boto3\ns3 = boto3.client('s3')", "s3.put_object(Bucket='b', Key='k')"),
        ("import boto3\nt = boto3.resource('dynamodb').Table('t')", "t.get_item(Key={})"),
        ("import subprocess", "subprocess.run(['ls'])"),
        ("import httpx", "httpx.get('https://example.com')"),
    ],
)
def test_network(before: str, expression: str) -> None:
    assert in_handler(f"return {expression}", before) == [("DUR105", 1)]


def test_async_clients() -> None:
    body = """
        async with aioboto3.Session().client("s3") as s3:
            await s3.get_object(Bucket="b", Key="k")
        async with aiohttp.ClientSession() as http:
            async with http.get("https://example.com") as answer:
                return await answer.json()
    """
    before = "import aioboto3, aiohttp"
    assert in_handler(body, before, is_async=True) == [("DUR105", 2), ("DUR105", 4)]


@pytest.mark.parametrize(
    ("before", "expression"),
    [
        ("import time", "time.localtime(event['at'])"),
        ("import random", "random.Random(event['seed']).random()"),
        ("import uuid", "uuid.uuid5(uuid.NAMESPACE_URL, 'a')"),
        ("from datetime import datetime", "datetime.fromisoformat(event['at'])"),
        ("import boto3\ns3 = boto3.client('s3')", "s3.generate_presigned_url('get_object')"),
        ("import boto3", "boto3.client('s3')"),
        ("class time:\n    time = staticmethod(lambda: 4)", "time.time()"),
        ("import os\nREGION = os.environ['REGION']", "REGION"),
        ("import time", "print(time.time())"),
        ("import uuid", "context.logger.info('request %s', uuid.uuid4())"),
    ],
)
def test_what_is_the_same_on_replay_or_only_logged(before: str, expression: str) -> None:
    assert in_handler(f"return {expression}", before) == []


@pytest.mark.parametrize(
    "body",
    [
        "return context.step(lambda _: time.time())",
        "return context.step(time.time)",
        "def now(_):\n    return time.time()\nreturn context.step(now)",
        "return context.step(functools.partial(read, 1))",
        "return context.wait_for_callback(lambda callback_id, _: time.time())",
        "return context.wait_for_condition(lambda state, _: time.time(), event['config'])",
        "return context.step(stamp())",
    ],
)
def test_steps_may_use_all_of_it(body: str) -> None:
    before = """
        import functools, time
        def read(offset, _):
            return time.time() + offset
        @durable_step
        def stamp():
            return time.time()
    """
    assert in_handler(body, before) == []


def test_a_helper_is_found_with_the_calls_that_lead_to_it() -> None:
    findings = lint_source(
        HEAD
        + textwrap.dedent("""
            import time
            def stamp(): return time.time()
            def mark(): return stamp()
            @durable_execution
            def handler(event, context): return mark()
        """)
    )
    assert [(one.code, one.line, one.column) for one in findings] == [("DUR101", 4, 21)]
    assert "(handler calls mark, which calls stamp)" in findings[0].message
    assert "use the step's result" in findings[0].message


def test_a_helper_that_only_steps_call_may_read_the_clock() -> None:
    before = "import time\ndef stamp(): return time.time()"
    assert in_handler("return context.step(lambda _: stamp())", before) == []


@pytest.mark.parametrize(
    "code",
    [
        """
        import time
        @sdk.durable_execution(compat="aws")
        def handler(event, context): return time.time()
        """,
        """
        import time
        def plain(event, context): return (context.wait(seconds=1), time.time())
        handler = sdk.durable_execution(plain)
        """,
        """
        import time
        class App:
            @sdk.durable_execution
            def handler(self, event, context): return self.stamp()
            def stamp(self): return time.time()
        """,
        """
        import time
        def helper(ctx: "sdk.DurableContext | None"): return time.time()
        """,
        """
        import time
        def each(child, item, index, items): return time.time()
        def handler(event, context: sdk.DurableContext): return context.map(event, each)
        """,
        """
        import time
        class Each:
            def __call__(self, child): return time.time()
        @sdk.durable_execution
        def handler(event, context): return context.parallel([Each()])
        """,
        """
        import time
        def make():
            def branch(child): return time.time()
            return branch
        @sdk.durable_execution
        def handler(event, context):
            branches = [make()]
            return context.parallel(branches)
        """,
        """
        import time
        @sdk.durable_execution
        def handler(event, context):
            branches = []
            branches.append(sdk.ParallelBranch(lambda child: time.time(), "clock"))
            return context.parallel(branches)
        """,
        """
        import time
        def attempt(ctx, number): return time.time()
        @sdk.durable_execution
        def handler(event, context): return sdk.with_retry(context, attempt)
        """,
    ],
)
def test_durable_code_is_recognised(code: str) -> None:
    source = "import aws_durable_execution_sdk_python as sdk\n" + textwrap.dedent(code)
    assert [one.code for one in lint_source(source)] == ["DUR101"]


@pytest.mark.parametrize(
    "body",
    [
        "context.step(lambda _: context.wait(seconds=1))",
        "context.step(nested(context))",
        "context.step(functools.partial(waits, context))",
        "context.step(lambda _: waits(context))",
        "context.wait_for_callback(lambda callback_id, _: context.step(lambda: 1))",
    ],
)
def test_operations_in_steps(body: str) -> None:
    before = """
        import functools
        @durable_step
        def nested(step_context, outer):
            outer.wait(seconds=1)
        def waits(ctx, *_):
            ctx.wait(seconds=1)
    """
    assert [code for code, _ in in_handler(body, before)] == ["DUR201"]


@pytest.mark.parametrize(
    "body",
    [
        "context.step(lambda context: context.step(1))",  # the parameter is a StepContext
        "context.step(lambda ctx: ctx.logger.info('in the step of %s', context.execution_context))",
        "context.run_in_child_context(lambda child: child.step(lambda _: 1))",
        "other.step(lambda _: other.wait(1))",
    ],
)
def test_what_is_no_operation_in_a_step(body: str) -> None:
    assert in_handler(body) == []


def test_an_outer_context_in_a_child() -> None:
    body = """
        def child(inner):
            def helper():
                context.wait(seconds=1)
            helper()
            return inner.step(lambda _: 1)
        callback = context.create_callback()
        context.run_in_child_context(child)
        context.parallel([lambda branch: callback.result(), lambda branch: branch.step(work())])
    """
    assert in_handler(body) == [("DUR202", 3)]


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("", "nonlocal state\n    state = 1"),
        ("", "state['a'] = 1"),
        ("", "del state['a']"),
        ("", "state['list'].append(1)"),
        ("", "state.update(a=1)"),
        ("", "state['a'] += 1"),
        ("", "state['a'], other = 1, 2"),
    ],
)
def test_steps_that_change_the_handlers_variables(before: str, change: str) -> None:
    body = f"state = {{}}\ndef body(_):\n    {change}\ncontext.step(body)\nreturn state"
    assert [code for code, _ in in_handler(body, before)] == ["DUR301"]


def test_a_step_that_changes_self() -> None:
    code = """
        class Flow:
            @durable_execution
            def handler(self, event, context):
                context.step(self.fetch)
                return self.user
            def fetch(self, _):
                self.user = 1
    """
    assert found(code) == [("DUR301", 7)]


@pytest.mark.parametrize(
    "body",
    [
        # A database, as far as can be told.
        "db = connect()\ncontext.step(lambda _: db.update(1))\nreturn db",
        # Its own variable.
        "def body(_):\n    own = {}\n    own['a'] = 1\n    return own\nreturn context.step(body)",
        # Nothing durable reads it.
        "def body(_):\n    calls.append(1)\nreturn context.step(body)",
        # A cache.
        "def body(_):\n    if 'a' not in state:\n        state['a'] = 1\ncontext.step(body)\n"
        "return state",
        "def body(_):\n    try:\n        return state['a']\n    except KeyError:\n"
        "        state['a'] = 1\ncontext.step(body)\nreturn state",
    ],
)
def test_changes_that_do_no_harm(body: str) -> None:
    assert in_handler(body, "state = {}\ncalls = []") == []


def test_children_that_change_the_handlers_variables() -> None:
    body = """
        results = []
        def branch(child):
            results.append(child.step(lambda _: 1))
        context.parallel([branch, branch])
        return results
    """
    assert in_handler(body) == [("DUR302", 3)]


def test_attempts_of_with_retry_run_again_on_replay() -> None:
    body = """
        tried = []
        def attempt(ctx, number):
            tried.append(number)
            return ctx.step(lambda _: 1)
        with_retry(context, attempt)
        return tried
    """
    assert in_handler(body) == []


def test_handlers_that_change_globals() -> None:
    body = """
        global count
        count += 1
        seen.append(event)
        context.wait(seconds=1)
        return count, len(seen)
    """
    assert in_handler(body, "count = 0\nseen = []") == [("DUR303", 2), ("DUR303", 3)]


def test_handlers_that_make_a_client_when_there_is_none() -> None:
    body = """
        global client
        client = client or make()
        if client is None:
            client = make()
        return client
    """
    assert in_handler(body, "client = None") == []


@pytest.mark.parametrize("is_async", [False, True])
def test_arguments_that_change_after_the_step(is_async: bool) -> None:
    call = "await context.step(save(data))" if is_async else "context.step(save(data))"
    body = f"data = {{'count': 0}}\n{call}\ndata['count'] += 1\nreturn data"
    assert in_handler(body, "from other import save", is_async=is_async) == [("DUR304", 3)]


def test_a_step_seen_to_change_its_dropped_argument() -> None:
    before = "@durable_step\ndef add(ctx, items, item):\n    items.append(item)"
    body = "items = []\ncontext.step(add(items, 1))\nreturn items"
    assert in_handler(body, before) == [("DUR304", 2)]


@pytest.mark.parametrize(
    "body",
    [
        "data = {'count': 0}\ncontext.step(show(data))\ndata['count'] += 1\nreturn data",
        "data = {'count': 0}\ndata = context.step(save(data))\ndata['count'] += 1\nreturn data",
        "messages = []\nmessages.append(context.step(save(messages)))\nreturn messages",
        "data = {}\ncontext.step(save(data))\ndata['stage'] = 2\nreturn data",
    ],
)
def test_arguments_that_may_change(body: str) -> None:
    before = "from other import save\n@durable_step\ndef show(data):\n    return len(data)"
    assert in_handler(body, before) == []


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("except:\n    pass", 1),
        ("except BaseException:\n    return 1", 1),
        ("except (ValueError, BaseException) as error:\n    print(error)", 1),
        ("except BaseException as error:\n    raise ValueError from error", 1),
        ("except BaseException:\n    print(1)\n    raise", 0),
        ("except BaseException as error:\n    if event:\n        raise error", 0),
        ("except Exception:\n    pass", 0),
        ("finally:\n    print(1)", 0),
    ],
)
@pytest.mark.parametrize("call", ["context.wait(seconds=1)", "pause(context)"])
def test_excepts(clause: str, expected: int, call: str) -> None:
    before = "def pause(ctx):\n    ctx.wait(seconds=1)"
    assert in_handler(f"try:\n    {call}\n{clause}", before) == [("DUR401", 3)] * expected


def test_operations_are_found_in_functions_that_call_each_other() -> None:
    before = """
        def ping(ctx, left):
            pong(ctx, left)
            ctx.wait(seconds=1)
        def pong(ctx, left):
            if left:
                ping(ctx, left - 1)
    """
    for call in ("ping(context, 3)", "pong(context, 3)"):
        assert in_handler(f"try:\n    {call}\nexcept:\n    pass", before) == [("DUR401", 3)]


def test_a_bound_step_stays_a_step_as_a_branch() -> None:
    before = """
        import time
        @durable_step
        def decorated():
            return time.time()
        def plain():
            return time.time()
        wrapped = durable_step(plain)
    """
    assert in_handler("context.parallel([decorated(), wrapped()])", before) == []


def test_excepts_around_other_code() -> None:
    body = """
        try:
            value = int(event)
        except:
            value = 0
        def later():
            context.wait(seconds=1)
        try:
            register(later)
        except BaseException:
            pass
        with suppress(BaseException):
            print(value)
    """
    assert in_handler(body, "from contextlib import suppress") == []


def test_suppress() -> None:
    body = "with contextlib.suppress(BaseException):\n    context.wait(seconds=1)"
    assert in_handler(body, "import contextlib") == [("DUR401", 1)]


@pytest.mark.parametrize(
    "body",
    [
        "for key in set(event):\n    context.step(work(key))",
        "keys = {one['id'] for one in event}\n[context.step(work(key)) for key in keys]",
        "keys: set[str] = event\nfor key in list(keys):\n    do(context, key)",
        "for index, key in enumerate(set(event) - {'a'}):\n    context.step(work(key))",
        "context.map(list(set(event)), work)",
        "context.parallel(*[lambda c, key=key: c.step(work(key)) for key in set(event)])",
        "context.step(work(1), name=f'all {set(event)}')",
        "context.wait(seconds=1, name=set(event).pop())",
        "keys = set(event)\nfirst = next(iter(keys))\ncontext.step(work(first), first)",
    ],
)
def test_sets_that_decide_an_order(body: str) -> None:
    before = "def do(ctx, key):\n    ctx.step(work(key))"
    assert [code for code, _ in in_handler(body, before)] == ["DUR501"]


@pytest.mark.parametrize(
    "body",
    [
        "for key in sorted(set(event)):\n    context.step(work(key))",
        "for key in dict.fromkeys(event):\n    context.step(work(key))",
        "total = 0\nfor key in set(event):\n    total += key\ncontext.step(work(total))",
        "for number in {1, 2, 3}:\n    context.step(work(number))",
        "context.step(work(1), name=f'{len(set(event))} keys')",
        "keys = set(event)\nkeys = sorted(keys)\nfor key in keys:\n    context.step(work(key))",
        "context.step(work(set(event)), name='all' if 'a' in set(event) else 'some')",
    ],
)
def test_sets_that_decide_nothing(body: str) -> None:
    assert in_handler(body) == []


@pytest.mark.parametrize("name", ["f'{id(event)}'", "str(hash(event['key']))"])
def test_names_of_one_process(name: str) -> None:
    assert in_handler(f"context.wait(seconds=1, name={name})") == [("DUR502", 1)]


@pytest.mark.parametrize(
    "body",
    [
        "context.wait(seconds=1)",
        "result = context.step(work())",
        "result = context.step(work())\nreturn result['a']",
        "return context.step(work())",
        "return context.step(work())['a']",
        "if context.step(work()):\n    pass",
        "return f'{context.step(work())}'",
        "callback = await context.create_callback()\nanswer = callback.result()",
        "with_retry(context, work)",
        "context.run_in_child_context(work)",
    ],
)
def test_operations_without_await(body: str) -> None:
    assert [code for code, _ in in_handler(body, is_async=True)] == ["DUR601"]


@pytest.mark.parametrize(
    "body",
    [
        "return await context.step(work())",
        "first = context.step(work())\nsecond = context.step(work())\n"
        "return await first, await second",
        "return await asyncio.gather(context.step(work()), context.step(work()))",
        "return await asyncio.gather(*(context.step(work(i)) for i in event))",
        "task = asyncio.create_task(context.step(work()))\nreturn await task",
        "pending = []\npending.append(context.step(work()))\nreturn await asyncio.gather(*pending)",
        "return await context.run_in_child_context(lambda child: child.step(work()))",
        "return await (cached(event) or context.step(work()))",
        "return (await context.step(work()))['a']",
        "if result := await context.step(work()):\n    return result",
        "async with asyncio.timeout(5):\n    await context.step(work())",
    ],
)
def test_operations_awaited_in_one_way_or_another(body: str) -> None:
    assert in_handler(body, "import asyncio", is_async=True) == []


def test_a_def_may_return_the_coroutine_of_an_async_context() -> None:
    code = """
        def declared(context: AsyncDurableContext):
            return context.step(lambda: 1)
        async def helper(context: AsyncDurableContext):
            return context.step(lambda: 1)
    """
    assert found(code) == []


@pytest.mark.parametrize(
    "call",
    ["time.sleep(1)", "requests.get('u')", "s3.get_object()", "subprocess.run([])", "nap()"],
)
def test_blocking_calls_in_async_steps(call: str) -> None:
    code = f"""
        import boto3, requests, subprocess, time
        s3 = boto3.client("s3")
        def nap():
            time.sleep(1)
        @durable_step
        async def body():
            {call}
    """
    assert [code for code, _ in found(code)] == ["DUR602"]


def test_blocking_calls_that_run_in_threads() -> None:
    before = """
        import asyncio, time
        def nap():
            time.sleep(1)
        @durable_step
        def step():
            nap()
    """
    body = """
        await context.step(step())
        await context.step(lambda _: time.sleep(1))
        await asyncio.to_thread(nap)
        await asyncio.sleep(0)
    """
    assert in_handler(body, before, is_async=True) == []


def test_a_call_that_has_to_move_to_a_step_is_reported_once() -> None:
    before = "import requests, time"
    body = "requests.get('u')\ntime.sleep(1)"
    assert in_handler(body, before, is_async=True) == [("DUR105", 1), ("DUR602", 2)]


TWO = """
    import asyncio, anyio
    async def two(ctx, item=None):
        await ctx.step(work(item))
        return await ctx.step(work(item))
    async def one(ctx, item=None):
        if item:
            return await ctx.step(work(1))
        return await ctx.step(work(2))
"""


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("await asyncio.gather(two(context), two(context))", 2),
        ("await asyncio.gather(two(context), context.wait(seconds=1))", 1),
        ("await asyncio.gather(*(two(context, item) for item in event))", 1),
        ("work = [two(ctx=context, item=item) for item in event]\nawait asyncio.gather(*work)", 1),
        ("asyncio.get_running_loop().create_task(two(context))", 1),
        ("asyncio.create_task(two(context))\nawait context.wait(seconds=1)", 1),
        ("async with asyncio.TaskGroup() as group:\n    group.create_task(two(context))", 1),
        ("async with anyio.create_task_group() as g:\n    g.start_soon(two, context)", 1),
        ("async def own():\n    for x in event:\n        await context.step(work(x))\n"
         "await asyncio.gather(own(), own())", 2),
    ],
)  # fmt: skip
def test_coroutines_that_share_a_context(body: str, count: int) -> None:
    assert [code for code, _ in in_handler(body, TWO, is_async=True)] == ["DUR603"] * count


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.gather(one(context), one(context))",
        "await asyncio.gather(two(context), other())",
        "await two(context)\nawait two(context)",
        "await asyncio.gather(context.step(work()), context.step(work()))",
        "await asyncio.gather(*(context.run_in_child_context(lambda c: two(c)) for _ in event))",
        "await asyncio.create_task(two(context))",
    ],
)
def test_coroutines_that_do_not(body: str) -> None:
    assert in_handler(body, TWO, is_async=True) == []


def test_columns_count_characters() -> None:
    code = HEAD + "import time\n@durable_execution\ndef h(e, c): return 'é𝄞', time.time()\n"
    (finding,) = lint_source(code, "app.py")
    assert (finding.path, finding.line) == ("app.py", 4)
    assert (finding.column, finding.end_line, finding.end_column) == (27, 4, 38)


def test_a_file_without_the_sdk_has_no_findings() -> None:
    code = "import time\ndef durable_execution(f): return f\n"
    code += "@durable_execution\ndef handler(event, context): return time.time()\n"
    assert lint_source(code) == []
    assert lint_source(code + "# aws_durable_execution_sdk_python\n") == []


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("import asyncio\nasync with asyncio.timeout(5):\n    await context.wait(seconds=9)", 2),
        ("import anyio\nwith anyio.fail_after(5):\n    await context.invoke('f')", 2),
        ("import anyio\nwith anyio.move_on_after(5) as s:\n    await context.wait(seconds=9)", 2),
        ("import asyncio\nawait asyncio.wait_for(context.wait(seconds=9), 5)", 2),
        (
            "import asyncio\ncb = await context.create_callback()\n"
            "await asyncio.wait_for(cb.result(), timeout=5)",
            3,
        ),
        (
            "import asyncio\ntask = asyncio.create_task(context.wait(seconds=9))\n"
            "await asyncio.wait([task], timeout=5)",
            3,
        ),
        (
            "import asyncio\ntask = asyncio.create_task(context.wait(seconds=9))\n"
            "async with asyncio.timeout(5):\n    await task",
            3,
        ),
        ("import anyio\nwith anyio.CancelScope(deadline=5):\n    await context.invoke('f')", 2),
        (
            "import asyncio\nasyncio.get_running_loop().call_later(5, print)\n"
            "await context.wait(seconds=9)",
            2,
        ),
    ],
)
def test_a_timeout_around_a_durable_wait_is_found(body: str, line: int) -> None:
    assert in_handler(body, is_async=True) == [("DUR604", line)]


@pytest.mark.parametrize(
    "body",
    [
        "import asyncio\nasync with asyncio.timeout(5):\n    await context.step(lambda: 1)",
        "import asyncio\nawait asyncio.wait_for(context.step(lambda: 1), 5)",
        "import contextlib\nwith contextlib.suppress(OSError):\n    await context.wait(seconds=9)",
        "import anyio\nwith anyio.CancelScope(shield=True):\n    await context.invoke('f')",
        "import asyncio\nt = asyncio.create_task(context.wait(seconds=9))\nawait asyncio.wait([t])",
        "import asyncio\nx = await context.wait(seconds=9)\nawait asyncio.wait_for(print(x), 5)",
        "import asyncio\nasync with asyncio.timeout(None):\n    await context.wait(seconds=9)",
        "import asyncio\nawait asyncio.wait_for(context.wait(seconds=9), timeout=None)",
        "import asyncio\nasync with asyncio.timeout(5):\n    pass\nawait context.wait(seconds=9)",
    ],
)
def test_other_timeouts_are_left_alone(body: str) -> None:
    assert in_handler(body, is_async=True) == []


# ------------------------------------------------------------------- files, threads, finally


@pytest.mark.parametrize(
    "expression",
    [
        "open('x').read()",
        "os.listdir('.')",
        "pathlib.Path('x').read_text()",
        "glob.glob('*')",
        "tempfile.mkdtemp()",
    ],
)
def test_files(expression: str) -> None:
    imports = "import os, pathlib, glob, tempfile"
    assert in_handler(f"return {expression}", imports) == [("DUR106", 1)]
    assert in_handler(f"return context.step(lambda _: {expression})", imports) == []


@pytest.mark.parametrize(
    "call",
    [
        "threading.Thread(target=work, args=(context,)).start()",
        "threading.Thread(target=lambda: context.wait(seconds=1)).start()",
        "threading.Timer(1, context.wait, [1]).start()",
        "concurrent.futures.ThreadPoolExecutor().submit(work, context)",
    ],
)
def test_contexts_in_threads(call: str) -> None:
    imports = "import threading, concurrent.futures\ndef work(context): ..."
    assert ("DUR203", 1) in in_handler(call, imports)


def test_threads_without_a_context_are_left_alone() -> None:
    imports = "import threading"
    assert in_handler("threading.Thread(target=print, args=(event,)).start()", imports) == []


@pytest.mark.parametrize(
    ("leaving", "lines"),
    [
        ("return 1", [("DUR402", 4)]),
        ("if event:\n        return 1", [("DUR402", 5)]),
        ("for _ in event:\n        break", []),
        ("def inner():\n        return 1", []),
        ("context.logger.info('over')", []),
    ],
)
def test_finally_that_is_left(leaving: str, lines: list[tuple[str, int]]) -> None:
    body = f"try:\n    context.wait(seconds=1)\nfinally:\n    {leaving}"
    assert in_handler(body) == lines


def test_a_loop_that_is_left_from_a_finally() -> None:
    body = """
    for _ in event:
        try:
            context.wait(seconds=1)
        finally:
            continue
    """
    assert in_handler(body) == [("DUR402", 5)]
    assert in_handler("try:\n    print(1)\nfinally:\n    return 1") == []


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("context.parallel([lambda c: c.step(work(k)) for k in event])", [("DUR305", 1)]),
        ("context.parallel([lambda c, k=k: c.step(work(k)) for k in event])", []),
        ("[context.step(lambda _: k) for k in event]", []),
        (
            "found = []\nfor k in event:\n    found.append(lambda c: c.step(work(k)))",
            [("DUR305", 3)],
        ),
        ("for k in event:\n    context.step(lambda _: k)", []),
    ],
)
def test_late_bound_variables(body: str, lines: list[tuple[str, int]]) -> None:
    assert in_handler(body, "@durable_step\ndef work(key): ...") == lines


def test_alarms_before_durable_waits() -> None:
    body = "signal.alarm(5)\ncontext.wait(seconds=1)"
    assert in_handler(body, "import signal") == [("DUR604", 1)]
    assert in_handler("signal.alarm(5)", "import signal") == []


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("if context.patched('a'):\n    return 1", []),
        ("is_new = context.patched('a')\nreturn 1 if is_new else 2", []),
        ("while not context.patched('a'):\n    pass", []),
        ("for n in range(3):\n    if context.patched(f'round {n}'):\n        return n", []),
        ("context.deprecate_patch('a')\nreturn 1", []),
        ("context.patched('a')\nreturn 1", [("DUR701", 1)]),
        ("if context.deprecate_patch('a'):\n    return 1", [("DUR701", 1)]),
        ("is_new = context.deprecate_patch('a')", [("DUR701", 1)]),
        ("context.patched(str(hash(event)))\n", [("DUR701", 1), ("DUR502", 1)]),
    ],
)
def test_patches(is_async: bool, body: str, lines: list[tuple[str, int]]) -> None:
    assert sorted(in_handler(body, is_async=is_async)) == sorted(lines)


def test_patches_are_not_awaited() -> None:
    body = "if await context.patched('a'):\n    return 1"
    assert in_handler(body, is_async=True) == [("DUR701", 1)]


def test_patches_in_other_code_than_their_contexts() -> None:
    in_step = "context.step(lambda _: context.patched('a'))"
    assert in_handler(in_step) == [("DUR201", 1)]
    in_child = "context.run_in_child_context(lambda c: context.patched('a'))"
    assert in_handler(in_child) == [("DUR202", 1)]
