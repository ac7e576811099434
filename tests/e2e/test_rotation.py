"""A new key of each kind works before the old key ends, and the VM stays."""

import json

import httpx
import pytest

from stack.secrets import ssh_key
from tests.e2e.test_stack import sign_in
from tests.testbed.clone import Clone
from tests.testbed.server import TOOL, Server


def interventions(server: Server) -> list[str]:
    rows = json.loads(server.must(*TOOL, "history", "auth", "--json"))
    return [each["note"] for row in rows for each in row["interventions"]]


@pytest.mark.usefixtures("load")
def test_a_new_ssh_key_replaces_the_old_one_and_not_the_vm(clone: Clone, server: Server) -> None:
    vm = server.instance
    old = clone.path / "old-key"
    old.write_text((clone.path / ".local" / "ssh" / "local" / "key").read_text())
    old.chmod(0o600)

    rotated = clone.make("rotate", "KEY=ssh")

    assert rotated.status == 0, rotated.output
    known_hosts = clone.path / ".local" / "ssh" / "local" / "known_hosts"
    refused = clone.run(
        *("ssh", "-F", "none", "-i", str(old), "-oIdentitiesOnly=yes", "-oBatchMode=yes"),
        *(f"-oUserKnownHostsFile={known_hosts}", f"ubuntu@{server.address}", "true"),
    )
    old.unlink()
    assert "Permission denied" in refused.output
    assert server.instance == vm
    assert "rotated the SSH key of deployments" in interventions(server)


def test_a_rotation_of_the_host_key_that_was_killed_is_finished_by_the_next(
    clone: Clone, server: Server
) -> None:
    vm, new = server.instance, ssh_key()
    # the configuration and the server as a run leaves them that is killed after the switch
    setting = clone.path / "next-key"
    setting.write_text(new)
    secret = "pulumi config set --stack local --secret auth:nextSshHostKey < next-key"
    assert clone.shell(secret).status == 0
    setting.unlink()
    server.must(*TOOL, "host-key", stdin=new)

    finished = clone.make("rotate", "KEY=host")

    assert finished.status == 0, finished.output
    assert server.instance == vm
    assert clone.on_server("true").status == 0, "the host key is not pinned anew"


def test_tokens_of_the_old_signing_key_count_after_its_rotation(
    clone: Clone, server: Server, url: str
) -> None:
    token = sign_in(url, "rosa@example.test").json()["access_token"]
    before = {key["kid"] for key in httpx.get(f"{url}/.well-known/jwks.json").json()["keys"]}

    rotated = clone.make("rotate", "KEY=signing")

    assert rotated.status == 0, rotated.output
    after = {key["kid"] for key in httpx.get(f"{url}/.well-known/jwks.json").json()["keys"]}
    assert before < after
    me = httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert me.status_code == httpx.codes.OK
    (note,) = (each for each in interventions(server) if "rotated the signing keys" in each)
    assert all(kid in note for kid in after - before)


def test_a_registry_token_that_fetches_nothing_is_refused_and_changes_nothing(
    clone: Clone, server: Server
) -> None:
    configuration = (clone.path / ".local" / "Pulumi.local.yaml").read_text()
    registry = json.loads(server.desired())["registry"]

    refused = clone.run("bash", "-c", "echo wrong | make --silent rotate KEY=registry")
    accepted = server.run(*TOOL, "check-login", "auth", stdin=json.dumps(registry))

    assert refused.status != 0
    assert "refuses the login of" in refused.output
    assert (clone.path / ".local" / "Pulumi.local.yaml").read_text() == configuration
    assert accepted.status == 0, accepted.output
