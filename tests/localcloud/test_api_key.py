"""`make rotate KEY=api` on the emulated cloud: upload, use, and the end of the old key."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import oci
import pytest

from components.keys import api_key_fingerprint
from localcloud import clients
from localcloud.ocids import REGION
from localcloud.state.account import Account
from localcloud.state.home import Home
from stack import api_key, secrets
from stack.errors import StackError
from stack.stack import Stack
from tests.localcloud.caller import Caller, refused
from tests.localcloud.served import served


class Killed(BaseException):
    """The effect of kill -9: the process does nothing more."""


class Configuration:
    """The configuration of a stack, in memory; dies at its change number `die_at`."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self.die_at: int | None = None
        self._changes = 0

    def values(self) -> dict[str, str]:
        return dict(self._values)

    def set_value(self, key: str, value: str) -> None:
        if self._changes == self.die_at:
            raise Killed
        self._changes += 1
        self._values[key] = value

    set_secret = set_value


@pytest.fixture(name="own")
def _own(tmp_path: Path) -> Iterator[Caller]:
    """Return the user of a cloud of its own, as a user has three keys at most."""
    home = Home.open(tmp_path / "home")
    with served(home):
        yield Caller(home, Account.open(home))


@pytest.fixture(name="configuration")
def _configuration(own: Caller) -> Configuration:
    """Return a configuration with a key that was uploaded for the account's owner."""
    private, public = secrets.api_key()
    own.identity.upload_api_key(own.account.user, details(public))
    values = {
        "oci:tenancyOcid": own.account.tenancy,
        "oci:userOcid": own.account.user,
        "oci:fingerprint": api_key_fingerprint(private),
        "oci:region": REGION,
        "oci:privateKey": private,
    }
    return Configuration(values)


@pytest.fixture(name="stack")
def _stack(own: Caller, configuration: Configuration) -> Stack:
    env = {"CLIENT_HOST_OVERRIDES": clients.overrides(own.home.endpoint)}
    made = SimpleNamespace(name="dev", configuration=configuration, env=env, clone=Path())
    return cast("Stack", made)


def details(public: str) -> oci.identity.models.CreateApiKeyDetails:
    return oci.identity.models.CreateApiKeyDetails(key=public)


def listed(own: Caller) -> list[str]:
    return [key.fingerprint for key in own.identity.list_api_keys(own.account.user).data]


def test_the_new_key_signs_and_the_old_key_is_refused(own: Caller, stack: Stack) -> None:
    before = stack.configuration.values()

    note = api_key.rotate(stack)

    values = stack.configuration.values()
    assert note == f"rotated the API key, to {values['oci:fingerprint']}"
    assert listed(own) == [own.account.fingerprint, values["oci:fingerprint"]]
    assert calls(own, values) == 3
    refused(401, "NotAuthenticated", calls, own, before)


def calls(own: Caller, values: dict[str, str]) -> int:
    """Return the number of availability domains, asked with the configured key."""
    config = {"fingerprint": values["oci:fingerprint"], "key_content": values["oci:privateKey"]}
    client = oci.identity.IdentityClient(
        {**{key: own.config[key] for key in ("user", "tenancy", "region")}, **config},
        service_endpoint=own.home.endpoint,
        retry_strategy=oci.retry.NoneRetryStrategy(),
    )
    return len(client.list_availability_domains(own.account.tenancy).data)


@pytest.mark.parametrize("die_at", [0, 1])
def test_a_killed_rotation_leaves_a_key_that_works_and_the_next_names_the_rest(
    own: Caller,
    stack: Stack,
    configuration: Configuration,
    capsys: pytest.CaptureFixture[str],
    die_at: int,
) -> None:
    first = stack.configuration.values()["oci:fingerprint"]
    configuration.die_at = die_at
    with pytest.raises(Killed):
        api_key.rotate(stack)
    (stray,) = {*listed(own)} - {own.account.fingerprint, first}
    if die_at == 0:
        assert calls(own, stack.configuration.values()) == 3, "the old key is configured"

    configuration.die_at = None
    if die_at == 0:
        own.identity.delete_api_key(own.account.user, stray)
    else:
        own.identity.delete_api_key(own.account.user, first)
    api_key.rotate(stack)

    assert calls(own, stack.configuration.values()) == 3
    assert own.account.fingerprint in capsys.readouterr().out


def test_a_fourth_key_is_refused_by_name_and_changes_nothing(own: Caller, stack: Stack) -> None:
    own.identity.upload_api_key(own.account.user, details(secrets.api_key()[1]))
    before = stack.configuration.values()

    with pytest.raises(StackError, match=f"3 API keys.*{before['oci:fingerprint']}"):
        api_key.rotate(stack)

    assert stack.configuration.values() == before


def test_a_key_in_a_file_of_this_machine_is_not_rotated(own: Caller, stack: Stack) -> None:
    stack.configuration.set_value("oci:privateKey", "")

    with pytest.raises(StackError, match="is not set"):
        api_key.rotate(stack)

    assert len(listed(own)) == 2


def test_the_emulated_cloud_refuses_what_oracle_refuses(own: Caller) -> None:
    identity, user = own.identity, own.account.user
    public = secrets.api_key()[1]
    identity.upload_api_key(user, details(public))

    refused(409, "Conflict", identity.upload_api_key, user, details(public))
    refused(400, "InvalidParameter", identity.upload_api_key, user, details("hunter2"))
    refused(404, "NotAuthorizedOrNotFound", identity.delete_api_key, user, "00:11")
    refused(400, "NotImplemented", identity.delete_api_key, user, own.account.fingerprint)
    refused(400, "NotImplemented", identity.list_api_keys, own.account.tenancy)
