"""The folder of this clone of the repository, and the local stack in it."""

from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent


def has_local_stack(clone: Path) -> bool:
    """Check whether `make up` has begun to make the local stack in the clone."""
    return any((clone / ".local" / part).exists() for part in ("cloud", "state"))
