"""The command line: `python -m benchmarks setup|run|compare|chart|list`."""

from benchmarks.cli import main

if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
