"""`make bucket` on the emulated cloud: bucket, user, policy and key, and the rights of that key."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import oci
import pytest

from host.auth_release.bucket import Bucket
from host.auth_release.errors import ReleaseError
from localcloud import clients
from localcloud.ocids import REGION
from localcloud.state.account import Account
from localcloud.state.customer_key import PREFIX, CustomerKey
from localcloud.state.home import Home
from stack import bucket
from stack.errors import StackError
from stack.names import LOCAL
from stack.stack import Stack
from stack.tenancy import Tenancy
from tests.localcloud.caller import Caller
from tests.localcloud.served import served


class Configuration:
    """The configuration of a stack, in memory."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def values(self) -> dict[str, str]:
        return dict(self._values)

    def set_value(self, key: str, value: str) -> None:
        self._values[key] = value

    def set_secret(self, key: str, value: str) -> None:
        self._values[f"auth:{key}"] = value


@pytest.fixture(name="stack")
def _stack(caller: Caller) -> Stack:
    """Return the local stack as the commands see it, without an engine; its user has no key."""
    for user in caller.identity.list_users(caller.account.tenancy).data:
        for key in caller.identity.list_customer_secret_keys(user.id).data:
            caller.identity.delete_customer_secret_key(user.id, key.id)
    return local_stack(caller)


def local_stack(caller: Caller) -> Stack:
    values = {
        "oci:tenancyOcid": caller.account.tenancy,
        "oci:userOcid": caller.account.user,
        "oci:fingerprint": caller.account.fingerprint,
        "oci:region": REGION,
        "oci:privateKeyPath": str(caller.account.private_key_file),
        "auth:compartmentOcid": caller.compartment,
        "auth:backupEndpoint": f"{caller.home.endpoint}{PREFIX}",
        "auth:backupBucket": "auth-backup",
        "auth:backupAccessKey": CustomerKey.open(caller.home).access_key,
    }
    env = {"CLIENT_HOST_OVERRIDES": clients.overrides(caller.home.endpoint)}
    made = SimpleNamespace(name=LOCAL, configuration=Configuration(values), env=env, clone=Path())
    return cast("Stack", made)


def configured(stack: Stack) -> Bucket:
    values = stack.configuration.values()
    return Bucket(
        endpoint=values["auth:backupEndpoint"],
        region=REGION,
        name=values["auth:backupBucket"],
        access_key=values["auth:backupAccessKey"],
        secret_key=values["auth:backupSecretKey"],
    )


def test_the_made_key_works_on_the_made_bucket_and_on_no_other(
    stack: Stack, caller: Caller
) -> None:
    assert bucket.make(stack, "") == 0

    made = configured(stack)
    made.put("local/auth/copies/a", b"copy")
    assert made.name == "auth-backup-local"
    assert made.get("local/auth/copies/a") == b"copy"
    with pytest.raises(ReleaseError, match="the bucket does not exist"):
        dataclasses.replace(made, name="auth-backup").check()
    others = CustomerKey.open(caller.home)
    with pytest.raises(ReleaseError, match="the bucket does not exist"):
        dataclasses.replace(made, access_key=others.access_key, secret_key=others.secret).check()


def test_a_bucket_with_the_name_of_the_accounts_bucket_has_none_of_its_objects(
    tmp_path: Path,
) -> None:
    home = Home.open(tmp_path / "home")
    with served(home):
        stack = local_stack(Caller(home, Account.open(home)))
        name, key, tenancy = "auth-backup", CustomerKey.open(home), Tenancy(stack, "")
        user = tenancy.ensure_user(name)
        tenancy.ensure_policy(name, bucket.statements(name, tenancy.compartment, REGION))
        tenancy.ensure_bucket(name)
        access_key, secret = tenancy.make_key(user, name)
        endpoint = stack.configuration.values()["auth:backupEndpoint"]
        of_user = Bucket(
            endpoint=endpoint, region=REGION, name=name, access_key=access_key, secret_key=secret
        )
        of_account = dataclasses.replace(of_user, access_key=key.access_key, secret_key=key.secret)
        of_account.put("a", b"of the account")

        of_user.put("b", b"of the user")

        assert [each.key for each in of_account.list("")] == ["a"]
        assert [each.key for each in of_user.list("")] == ["b"]


def test_a_second_run_makes_nothing_anew(stack: Stack) -> None:
    bucket.make(stack, "")
    before = stack.configuration.values()

    bucket.make(stack, "")

    assert stack.configuration.values() == before


def test_a_lost_key_is_made_anew_and_the_earlier_key_still_works(stack: Stack) -> None:
    bucket.make(stack, "")
    first = configured(stack)
    stack.configuration.set_value("auth:backupAccessKey", "")

    bucket.make(stack, "")

    assert configured(stack).access_key != first.access_key
    configured(stack).check()
    first.check()
    stack.configuration.set_value("auth:backupAccessKey", "")
    with pytest.raises(StackError, match=f"2 keys already.*{first.access_key}"):
        bucket.make(stack, "")


def test_a_key_without_a_policy_is_denied_by_name(stack: Stack, caller: Caller) -> None:
    bucket.make(stack, "")
    (policy,) = caller.identity.list_policies(caller.account.tenancy).data
    caller.identity.delete_policy(policy.id)

    with pytest.raises(StackError, match=r"has no right to do this.* waits again"):
        bucket.wait_until_open(configured(stack), seconds=0.5)


def test_a_bucket_that_has_no_versions_is_not_taken(
    stack: Stack, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without versions, an intruder with the server's key could destroy the copies."""
    del caller
    tenancy = Tenancy(stack, "")
    plain = SimpleNamespace(versioning="Disabled", public_access_type="NoPublicAccess")
    answer: Any = lambda *_: SimpleNamespace(data=plain)  # noqa: E731
    monkeypatch.setattr(tenancy._storage, "get_bucket", answer)

    with pytest.raises(StackError, match="is there, with versioning Disabled"):
        tenancy.ensure_bucket("auth-backup-local")


def test_a_stack_keeps_the_bucket_that_it_has(stack: Stack) -> None:
    dev = cast(
        "Stack",
        SimpleNamespace(
            name="dev", configuration=stack.configuration, env=stack.env, clone=stack.clone
        ),
    )

    with pytest.raises(StackError, match="has a bucket already"):
        bucket.make(dev, "")


def test_a_profile_that_does_not_exist_is_named(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OCI_CONFIG_FILE", str(tmp_path / "config"))

    with pytest.raises(StackError, match="PROFILE is 'ADMIN'"):
        bucket.make(stack, "ADMIN")


def test_a_cloud_that_gives_no_answer_is_an_error_in_words(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oci.retry, "DEFAULT_RETRY_STRATEGY", oci.retry.NoneRetryStrategy())
    unreachable = clients.overrides("http://127.0.0.1:9")
    monkeypatch.setitem(cast("dict[str, str]", stack.env), "CLIENT_HOST_OVERRIDES", unreachable)

    with pytest.raises(StackError, match=r"Oracle gives no answer .*the same command goes on"):
        bucket.make(stack, "")
