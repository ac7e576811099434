"""The region is gone: the service comes back from its configuration and its copies."""

import shlex
from pathlib import Path

import httpx
import pytest

from host.auth_release.bucket import Bucket
from localcloud.ocids import REGION
from localcloud.state.customer_key import BUCKET, PREFIX, CustomerKey
from localcloud.state.home import Home
from tests.localcloud.served import served
from tests.testbed.clone import Clone, Result, copy_to


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
    """Without the region there are no VM, no volume, no bucket and no state of the stack.

    The runner's clone has the configuration alone; the first clone gives it a copy and its keys.
    """
    account = {"email": "away@example.test", "password": "a horse from another region"}
    assert httpx.post(f"{url}/v1/auth/register", json=account, timeout=30).is_success
    assert clone.make("backup", "NAME=replicated").status == 0
    runner = copy_to(tmp_path / "runner")
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
        return runner.run("bash", "-ec", f"export {backend}\n{script}")

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
            'eval "$(make -s env STACK=away)"',
            f"pulumi config set --secret auth:signingKey < {settings}",
            *(f"pulumi config set {key} {shlex.quote(text)}" for key, text in values.items()),
            *(
                f"printf %s {shlex.quote(text)} | pulumi config set --secret auth:{key}"
                for key, text in secrets.items()
            ),
        ]
        try:
            # values of the tenancy are not named: they are listed, and the keys are made
            made = with_state("make -s init STACK=away")
            assert "Pulumi.away.yaml has the keys" in made.output
            configured = with_state("\n".join(script))
            assert configured.status == 0, configured.output

            drilled = with_state("make -s drill STACK=away")
        finally:
            runner.make("down")
        assert drilled.status == 0, drilled.output
        assert f"{account['email']} signed in." in drilled.output
        request.node.user_properties.append(("load", drilled.output.splitlines()[-1]))
        assert bucket.get("away/auth/drill.json"), "the result is not stored"
