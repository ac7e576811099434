"""Back to nothing: the last file, as it takes the stack away that the files before it share."""

import hashlib
import subprocess
from pathlib import Path

import httpx

from localcloud.state.home import Home
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


def test_limits_that_are_too_low_are_listed_before_anything_is_made(clone: Clone) -> None:
    clone.make("down")
    folder = clone.path / ".local" / "cloud"
    started = clone.run(
        ".venv/bin/python", "-m", "localcloud", "start", "--home", str(folder), seconds=120
    )
    assert started.status == 0
    home = Home.find(folder)
    assert home is not None
    answer = httpx.post(
        f"{home.endpoint}/localcloud/faults",
        json={"kind": "limitExceeded", "limits": ["total-storage-gb"]},
        headers={"Authorization": f"Bearer {home.control_token_file.read_text()}"},
        trust_env=False,
    )
    assert answer.status_code == 200

    refused = clone.make("up")

    assert refused.status != 0
    assert "block-storage total-storage-gb in kSDN:EU-MADRID-1-AD-1: 100 needed" in refused.output
    exported = clone.shell("pulumi stack export --stack local")
    assert "oci:Core" not in exported.output, "something was made"
