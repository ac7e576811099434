"""The targets of the Makefile, for a person who mistyped one."""

import difflib
import re
from pathlib import Path

_TARGET = re.compile(r"^([a-z][a-z0-9-]*):(?!=)", re.MULTILINE)


def unknown(clone: Path, name: str) -> str:
    """Return the answer to a target that the Makefile does not have, with the nearest one."""
    targets = dict.fromkeys(_TARGET.findall((clone / "Makefile").read_text()))
    near = difflib.get_close_matches(name, targets, n=1)
    hint = f" Did you mean `make {near[0]}`?" if near else ""
    return f"There is no target {name!r}.{hint} `make help` lists the targets."
