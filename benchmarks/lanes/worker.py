"""One run of one workload in one lane, in this fresh interpreter.

    python worker.py JOB RESULT SPAWNED_AT

Started by the driver with the Python of the lane's environment. JOB and RESULT are files of JSON;
SPAWNED_AT is the monotonic clock when the process was started. Nothing is imported before it is
needed, because a cold start is measured from the process's start to its first result.
"""

import json
import sys
import time
from typing import Any


class LambdaContext:
    """What Lambda passes to every handler."""

    function_name = "benchmark"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:benchmark:$LATEST"
    memory_limit_in_mb = "1769"
    log_group_name = "/aws/lambda/benchmark"
    log_stream_name = "benchmark"
    identity = None
    client_context = None
    tenant_id = None

    def __init__(self, number: int) -> None:
        self.aws_request_id = f"00000000-0000-4000-8000-{number:012d}"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def peak_rss_bytes() -> int:
    # Not getrusage: its figure includes the parent's memory from between fork and exec.
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def check(answer: dict[str, Any], expected: str) -> None:
    if answer.get("Status") != "SUCCEEDED" or answer.get("Result") != expected:
        raise SystemExit(f"wrong answer: {str(answer)[:2000]}; expected {expected}")


def invoke_all(job: dict[str, Any]) -> list[dict[str, float]]:
    handlers = __import__(job["module"]).HANDLERS
    for event in job["warm_up"]:
        check(handlers["steps"](json.loads(event), LambdaContext(0)), "1")
    handler = handlers[job["handler"]]
    samples = []
    for number, event in enumerate(job["events"], 1):
        context = LambdaContext(number)
        wall, cpu = time.perf_counter(), time.process_time()
        answer = handler(json.loads(event), context)
        samples.append({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu})
        check(answer, job["expected"])
    return samples


def import_only(job: dict[str, Any]) -> list[dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    __import__(job["package"])
    return [{"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}]


def main() -> None:
    with open(sys.argv[1]) as file:
        job = json.load(file)
    samples = import_only(job) if job["measure"] == "import" else invoke_all(job)
    if job["measure"] == "process":
        samples = [{"wall": time.monotonic() - float(sys.argv[3]), "cpu": time.process_time()}]
    import probe

    result = {"samples": samples, "rss": peak_rss_bytes(), "threads": probe.peak_threads}
    with open(sys.argv[2], "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
