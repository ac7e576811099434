"""The tokens of a cluster, which are made no more often than needed."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.cluster_login import Kubeconfig
from stack.cluster.tokens import Tokens
from stack.errors import StackError
from tests.unit.common.test_cluster_login import KUBECONFIG

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
