"""A newcomer's steps before the first `up`: each message leads to the next step."""

from pathlib import Path

from common import cache
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
