"""What a Python has that the wheels were installed into: `installed.py execution|testing`."""

import importlib
import importlib.util
import sys

PREFIX = "aws_durable_execution_sdk_python"


def check(name: str) -> str:
    package = importlib.import_module(name)
    assert "site-packages" in str(package.__file__), package.__file__
    missing = [public for public in package.__all__ if not hasattr(package, public)]
    assert not missing, missing
    return f"{name} {package.__version__}"


execution = check(PREFIX)
if sys.argv[1] == "execution":
    assert importlib.util.find_spec(f"{PREFIX}_testing") is None, "the testing SDK came along"
    print(execution)
else:
    print(execution, check(f"{PREFIX}_testing"))
