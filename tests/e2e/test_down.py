"""Back to nothing: the last file, as it takes the stack away that the files before it share."""

import hashlib
import subprocess
from pathlib import Path

from tests.testbed.clone import Clone


def docker_leftovers(clone: Clone, registry: str) -> str:
    home = str(clone.path / ".local" / "cloud")
    identity = hashlib.sha256(str(Path(home).resolve()).encode()).hexdigest()[:8]
    label = f"label=auth.localcloud.home={identity}"
    pushed = f"reference={registry}/*/*"
    return "".join(
        subprocess.run(
            ["docker", *what, "--quiet", "--filter", found_by],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for what, found_by in (
            (("ps", "--all"), label),
            (("volume", "ls"), label),
            (("network", "ls"), label),
            (("images",), pushed),
        )
    )


def test_down_leaves_nothing_behind_and_can_be_repeated(clone: Clone) -> None:
    registry = str(clone.outputs()["image"]).partition("/")[0]
    assert docker_leftovers(clone, registry), "there should be something to leave behind"

    assert clone.make("down").status == 0

    assert docker_leftovers(clone, registry) == ""
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(clone.path) not in processes.stdout, "a process of the clone still runs"
    assert not (clone.path / ".local").exists()
    assert clone.run("git", "status", "--porcelain").output == ""
    assert clone.make("down").status == 0
