"""Files that hold a secret: whole or not there, and nobody else's to read."""

import os
from pathlib import Path


def write(file: Path, content: bytes) -> None:
    """Write so that a kill half-way leaves no half file, and nobody else can read it."""
    draft = file.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(content)
    draft.replace(file)
