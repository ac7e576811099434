"""The kubeconfig of a cluster, and the tokens that its command makes."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from common.cluster_login import Kubeconfig, LoginError

KUBECONFIG = {
    "current-context": "dev",
    "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [
        {
            "name": "c",
            "cluster": {
                "server": "https://192.0.2.7:6443/",
                "certificate-authority-data": base64.b64encode(b"PEM").decode(),
            },
        }
    ],
    "users": [
        {
            "name": "u",
            "user": {
                "exec": {
                    "command": "./make-token",
                    "args": ["cluster-1"],
                    "env": [{"name": "REGION", "value": "eu-madrid-1"}],
                }
            },
        }
    ],
}


def test_a_kubeconfig_names_the_server_and_its_authority() -> None:
    read = Kubeconfig.read(json.dumps(KUBECONFIG))

    assert (read.server, read.authority) == ("https://192.0.2.7:6443", "PEM")


@pytest.mark.parametrize("text", ["", "[", "current-context: other\ncontexts: []"])
def test_a_file_that_is_no_kubeconfig_is_refused(text: str) -> None:
    with pytest.raises(LoginError, match="kubeconfig of the cluster can't be read"):
        Kubeconfig.read(text)


def made(program: str, folder: Path) -> str:
    """Return the token that a program in the place of the command makes."""
    document: Any = json.loads(json.dumps(KUBECONFIG))
    plugin = {"command": sys.executable, "args": ["-c", program]}
    document["users"][0]["user"]["exec"] |= plugin
    return Kubeconfig.read(json.dumps(document)).token(folder, {"OTHER": "it"}).text


def test_the_command_gets_its_variables_beside_the_others_and_runs_in_the_folder(
    tmp_path: Path,
) -> None:
    program = (
        "import json, os; parts = os.environ['REGION'], os.environ['OTHER'], os.getcwd();"
        "status = {'token': ' '.join(parts), 'expirationTimestamp': '2026-11-28'};"
        "print(json.dumps({'status': status}))"
    )

    assert made(program, tmp_path) == f"eu-madrid-1 it {tmp_path}"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import sys; print('first', file=sys.stderr); sys.exit('last')", "cluster: last"),
        ("import sys; sys.exit(3)", "status 3"),
        ("print('no token')", "JSONDecodeError"),
        ("print('{}')", "KeyError: 'status'"),
    ],
    ids=["words", "silence", "a text", "no status"],
)
def test_a_command_that_makes_no_token_is_named_with_the_reason(
    program: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(LoginError, match=f"makes no token for the .*{reason}"):
        made(program, tmp_path)
