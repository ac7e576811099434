"""The program's own questions to a cluster: its login."""

import base64
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import certifi
import pytest
import yaml

from components.cluster_api import ClusterApi

_COMMAND = """
import datetime, json, sys
with open(sys.argv[1], "a") as file:
    file.write("made\\n")
end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=int(sys.argv[2]))
print(json.dumps({"status": {"token": "t", "expirationTimestamp": end.isoformat()}}))
"""


def kubeconfig(made: Path, seconds: int) -> str:
    authority = base64.b64encode(Path(certifi.where()).read_bytes()).decode()
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": authority}
    command = {"command": sys.executable, "args": ["-c", _COMMAND, str(made), str(seconds)]}
    return yaml.safe_dump(
        {
            "current-context": "dev",
            "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "dev"}}],
            "clusters": [{"name": "dev", "cluster": cluster}],
            "users": [{"name": "dev", "user": {"exec": command}}],
        }
    )


@pytest.mark.parametrize(("seconds", "made"), [(240, 1), (5, 3)], ids=["fresh", "about to end"])
def test_the_questions_of_a_run_share_a_token_that_lives_on(
    tmp_path: Path, seconds: int, made: int
) -> None:
    text = kubeconfig(tmp_path / "made", seconds)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(ClusterApi, [text] * 3))

    assert len((tmp_path / "made").read_text().split()) == made
