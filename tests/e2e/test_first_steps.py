"""A newcomer's steps before the first `up`: each message leads to the next step."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import cache
from common.clone import STATES
from tests.testbed.clone import Clone


def test_init_without_a_place_for_the_state_says_how_to_choose_one(
    clone: Clone, tmp_path: Path
) -> None:
    # a home without a login, with the real home's caches
    home = [f"HOME={tmp_path}", f"XDG_CACHE_HOME={cache.folder().parent}"]

    result = clone.run("env", *home, "make", "--silent", "init", "STACK=dev")

    assert result.status != 0
    assert "`pulumi login s3://…`" in result.output
    assert "docs/oracle-cloud.md" in result.output


def test_init_without_a_passphrase_says_where_to_put_one(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    home = [f"HOME={tmp_path}", f"XDG_CACHE_HOME={cache.folder().parent}"]
    backend = f"PULUMI_BACKEND_URL=file://{tmp_path / 'state'}"

    result = clone.run("env", *home, backend, "make", "--silent", "init", "STACK=dev")

    assert result.status != 0
    assert "`export PULUMI_CONFIG_PASSPHRASE_FILE=…`" in result.output


def test_a_preview_names_every_missing_value_at_once(clone: Clone, tmp_path: Path) -> None:
    configuration = tmp_path / "Pulumi.local.yaml"
    configuration.write_text("config:\n  oci:region: eu-madrid-1\n")

    result = clone.shell(
        f"PULUMI_OPTION_CONFIG_FILE={configuration} pulumi preview --stack local --non-interactive"
    )

    assert result.status != 0
    for key in ("compartmentOcid", "allowedSshCidrs", "imageRepository", "sshPrivateKey"):
        assert f"auth:{key} is not set. It is the " in result.output


@pytest.fixture(name="newcomer")
def _newcomer(clone: Clone, tmp_path: Path) -> Iterator[list[str]]:
    """Yield the environment of a person with a profile, two registry tokens and a backend.

    The account is that of the emulated cloud, so that a preview can ask it.
    """
    values = account(clone)
    (tmp_path / "state").mkdir()
    (tmp_path / ".oci").mkdir()
    texts = {
        "passphrase": "a-passphrase",
        "key.pem": Path(values["oci:privateKeyPath"]).read_text(),
        "write.txt": "a-token-that-writes",
        "read.txt": "a-token-that-reads",
        ".oci/config": "\n".join(
            [
                "[DEFAULT]",
                f"tenancy={values['oci:tenancyOcid']}",
                f"user={values['oci:userOcid']}",
                f"fingerprint={values['oci:fingerprint']}",
                f"key_file={tmp_path}/key.pem",
                f"region={values['oci:region']}",
            ]
        ),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    yield [
        f"HOME={tmp_path}",
        f"XDG_CACHE_HOME={cache.folder().parent}",
        f"PULUMI_BACKEND_URL=file://{tmp_path}/state",
        f"PULUMI_CONFIG_PASSPHRASE_FILE={tmp_path}/passphrase",
    ]
    for name in ("prod", "staging"):
        (clone.path / f"Pulumi.{name}.yaml").unlink(missing_ok=True)


def account(clone: Clone) -> dict[str, str]:
    """Return the configuration of the local stack, secrets in the clear."""
    listed = clone.shell("pulumi config --stack local --json --show-secrets")
    entries = json.loads(listed.output[listed.output.index("{") :])
    return {key: str(entry["value"]) for key, entry in entries.items()}


def test_init_leads_from_nothing_to_a_preview(
    clone: Clone, newcomer: list[str], tmp_path: Path
) -> None:
    init = ("env", *newcomer, "make", "--silent", "init", "STACK=prod")
    file = clone.path / "Pulumi.prod.yaml"
    local = account(clone)
    compartment = local["auth:compartmentOcid"]

    begun = clone.run(*init)
    complete = clone.run(
        *init,
        "PROFILE=DEFAULT",
        f"COMPARTMENT={compartment}",
        "SSH_FROM=203.0.113.7/32 198.51.100.0/24",
        "REPOSITORY=ghcr.io/acme/auth-service",
        "REGISTRY_USER=acme",
        f"PUSH_TOKEN={tmp_path}/write.txt",
        f"PULL_TOKEN={tmp_path}/read.txt",
    )
    written = file.read_text()
    repeated = clone.run(*init, f"PUSH_TOKEN={tmp_path}/write.txt")

    assert begun.status != 0
    assert "make init PROFILE=… COMPARTMENT=… SSH_FROM=… REPOSITORY=…" in begun.output
    assert "make down STACK=prod ends the stack" in begun.output
    assert complete.status == 0
    assert written.startswith("# The stack prod on Oracle Cloud")
    for secret in ("a-token-that-writes", "a-token-that-reads", "PRIVATE KEY"):
        assert secret not in written + complete.output, "a secret is in plain text"
    assert (repeated.status, file.read_text()) == (0, written), "a second run changed the file"
    preview = clone.shell(
        f"export {' '.join(newcomer[2:])}; PULUMI_OPTION_CONFIG_FILE={file} "
        # the emulated cloud has images for this machine's processor alone
        f"pulumi preview --stack prod --non-interactive --config auth:shape={local['auth:shape']}"
    )
    assert preview.status == 0
    assert "auth-vm" in preview.output

    shared = clone.run(
        *("env", *newcomer, "make", "--silent", "init", "STACK=staging", "FROM=prod"),
        *("PROFILE=DEFAULT", f"COMPARTMENT={compartment}", "SSH_FROM=203.0.113.7/32"),
    )
    assert shared.status == 0
    assert "auth:imageRepository: ghcr.io/acme/auth-service" in (
        (clone.path / "Pulumi.staging.yaml").read_text()
    )

    for way_out in ("had no resources, and is gone", "There is no state of staging"):
        down = clone.run("env", *newcomer, "make", "--silent", "down", "STACK=staging")
        assert down.status == 0
        assert way_out in down.output
        assert "rm Pulumi.staging.yaml" in down.output
    states = [file.name for file in (tmp_path / "state" / STATES).glob("*.json")]
    assert states == ["prod.json"]
