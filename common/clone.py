"""The folder of this clone of the repository, and the local stack in it."""

from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
# a file for each stack, in a backend in files: pulumi, pkg/backend/diy/store.go
STATES = Path(".pulumi") / "stacks" / "auth"


def has_local_stack(clone: Path) -> bool:
    """Check whether `make up` has begun to make the local stack in the clone."""
    return any((clone / ".local" / part).exists() for part in ("cloud", "state"))


def states(clone: Path) -> list[str]:
    """Return the names of the stacks that have a state in the clone."""
    return sorted(file.stem for file in (clone / ".local" / "state" / STATES).glob("*.json"))
