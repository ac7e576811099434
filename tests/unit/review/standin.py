"""Stands for Python, so that a workflow's line starts nothing heavy.

Checks the arguments with the real command's own parser, and writes down what was called.
"""

import importlib
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))


def main(argv: list[str]) -> int:
    with Path(os.environ["CALLS"]).open("a") as file:
        file.write(json.dumps(argv) + "\n")
    if argv[0] in {"review", "stack", "toolchain"}:
        importlib.import_module(f"{argv[0]}.cli").parser().parse_args(argv[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
