"""Back to nothing: the last file, as it takes the stack away that the files before it share."""

import hashlib
import shlex
import subprocess
from pathlib import Path

import httpx
import pytest

from host.auth_release.bucket import Bucket
from localcloud.ocids import REGION
from localcloud.state.customer_key import BUCKET, PREFIX, CustomerKey
from localcloud.state.home import Home
from tests.localcloud.served import served
from tests.testbed.clone import Clone, Result


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


def bucket_of(home: Home) -> Bucket:
    key = CustomerKey.open(home)
    return Bucket(
        endpoint=f"{home.endpoint}{PREFIX}",
        region=REGION,
        name=BUCKET,
        access_key=key.access_key,
        secret_key=key.secret,
    )


def replicate(source: Bucket, target: Bucket) -> None:
    """Copy the whole copies of the local stack, for a stack `away`."""
    for stored in source.list("local/auth/copies/"):
        target.put(stored.key.replace("local", "away", 1), source.get(stored.key))


def test_a_drill_rebuilds_the_service_from_the_configuration_and_a_bucket_elsewhere(
    clone: Clone, url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The region is away: the VM, the volume, the bucket and the state of the stack are gone."""
    account = {"email": "away@example.test", "password": "a horse from another region"}
    assert httpx.post(f"{url}/v1/auth/register", json=account, timeout=30).is_success
    assert clone.make("backup", "NAME=replicated").status == 0
    elsewhere = Home.open(tmp_path / "elsewhere")
    settings = tmp_path / "signing-key"
    exported = clone.shell(
        f"umask 077; pulumi config get --stack local auth:signingKey > {settings}"
    )
    assert exported.status == 0, exported.output

    def with_state(script: str) -> Result:
        """Run a script in a shell that leads to the state of the stack `away`."""
        (tmp_path / "state").mkdir(exist_ok=True)
        backend = f"PULUMI_BACKEND_URL=file://{tmp_path}/state PULUMI_CONFIG_PASSPHRASE=away"
        return clone.run("bash", "-ec", f"export {backend}\n{script}")

    with served(elsewhere):
        bucket = bucket_of(elsewhere)
        replicate(bucket_of(Home.open(clone.path / ".local" / "cloud")), bucket)
        values = {
            "oci:region": REGION,
            "auth:backupBucket": bucket.name,
            "auth:backupEndpoint": bucket.endpoint,
            "auth:backupAccessKey": bucket.access_key,
            "auth:drillEmail": account["email"],
        }
        secrets = {"backupSecretKey": bucket.secret_key, "drillPassword": account["password"]}
        script = [
            "make -s init STACK=away",
            'eval "$(make -s env STACK=away)"',
            f"pulumi config set --secret auth:signingKey < {settings}",
            *(f"pulumi config set {key} {shlex.quote(text)}" for key, text in values.items()),
            *(
                f"printf %s {shlex.quote(text)} | pulumi config set --secret auth:{key}"
                for key, text in secrets.items()
            ),
        ]
        try:
            configured = with_state("\n".join(script))
            assert configured.status == 0, configured.output
            assert clone.make("down").status == 0

            drilled = with_state("make -s drill STACK=away")
        finally:
            (clone.path / "Pulumi.away.yaml").unlink(missing_ok=True)
        assert drilled.status == 0, drilled.output
        assert f"{account['email']} signed in." in drilled.output
        request.node.user_properties.append(("load", drilled.output.splitlines()[-1]))
        assert bucket.get("away/auth/drill.json"), "the result is not stored"


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
