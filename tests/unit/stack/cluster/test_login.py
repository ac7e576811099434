"""The login to a cluster: its kubeconfig, and tokens that are made no more often than needed."""

import base64
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stack.cluster.login import Kubeconfig, Tokens
from stack.errors import StackError

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
# counts its calls, and says all that it got
COMMAND = r"""#!/bin/sh
echo x >> calls
echo '{"status": {"token": "'$1-$REGION-$(wc -l < calls)'", "expirationTimestamp": "END"}}'
"""


def tokens(folder: Path, *, seconds: float = 240) -> Tokens:
    end = datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()
    (folder / "make-token").write_text(COMMAND.replace("END", end))
    (folder / "make-token").chmod(0o755)
    return Tokens(
        kubeconfig=Kubeconfig.read(json.dumps(KUBECONFIG)),
        folder=folder,
        variables={"PATH": "/usr/bin:/bin"},
        file=folder / "kept" / "dev.json",
    )


def test_a_kubeconfig_names_the_server_and_its_authority() -> None:
    read = Kubeconfig.read(json.dumps(KUBECONFIG))

    assert (read.server, read.authority) == ("https://192.0.2.7:6443", "PEM")


@pytest.mark.parametrize("text", ["", "[", "current-context: other\ncontexts: []"])
def test_a_file_that_is_no_kubeconfig_is_refused(text: str) -> None:
    with pytest.raises(StackError, match="kubeconfig of the cluster can't be read"):
        Kubeconfig.read(text)


def test_a_token_serves_the_next_command_too_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = tokens(tmp_path).newest()

    assert first == "cluster-1-eu-madrid-1-1"
    assert tokens(tmp_path).newest() == first
    assert (tmp_path / "kept" / "dev.json").stat().st_mode & 0o777 == 0o600


def test_a_token_that_ends_soon_is_made_anew(tmp_path: Path) -> None:
    assert tokens(tmp_path, seconds=20).newest().endswith("-1")
    assert tokens(tmp_path).newest().endswith("-2")


def test_a_refused_token_is_made_anew(tmp_path: Path) -> None:
    own = tokens(tmp_path)
    own.drop(own.newest())

    assert own.newest().endswith("-2")


def test_a_command_that_fails_is_named_with_its_last_words(tmp_path: Path) -> None:
    own = tokens(tmp_path)
    (tmp_path / "make-token").write_text("#!/bin/sh\necho 'no key' >&2\nexit 1\n")

    with pytest.raises(StackError, match=r"`./make-token` makes no token for the cluster: no key"):
        own.newest()
