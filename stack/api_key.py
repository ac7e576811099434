"""The rotation of the API key that signs the stack's requests to Oracle."""

import time
from collections.abc import Callable
from typing import Any

from common.progress import step
from components import keys
from stack import secrets
from stack.cloud_client import failures, open_client, reason
from stack.errors import StackError
from stack.stack import Stack

_MOST = 3  # keys of a user
_IN_FORCE_SECONDS = 300  # until a new key is known everywhere
_NOT_AUTHENTICATED = 401


def rotate(stack: Stack) -> str:
    """Upload a new key for the same user, use it, and delete the old key; return the note.

    The old key signs until the new key has. A run that was killed leaves a key that nobody has: the
    end of the next run names it.
    """
    user, old = _configured(stack)
    with step("Upload a new API key, beside the old key"):
        private, public = secrets.api_key()
        new = keys.api_key_fingerprint(private)
        with_old = _client(stack)
        present = _listed(with_old, user)
        if len(present) >= _MOST:
            raise StackError(
                f"The user has {len(present)} API keys, the most that Oracle allows: "
                f"{', '.join(present)}. The stack uses {old}. Delete one that nobody uses, in "
                "Oracle's console, then again."
            )
        _call(with_old.upload_api_key, user, _details(public))
    with step("Wait until Oracle takes it"):
        with_new = _client(stack, {"fingerprint": new, "key_content": private})
        _wait_until(lambda: _takes(with_new, user), "Oracle does not take the new key")
    # the key first: its fingerprint can be computed
    stack.configuration.set_secret("oci:privateKey", private)
    stack.configuration.set_value("oci:fingerprint", new)
    with step("Delete the old API key"):
        _call(with_new.delete_api_key, user, old)
        _wait_until(lambda: not _takes(with_old, user), "Oracle still takes the old key")
    others = [each for each in _listed(with_new, user) if each != new]
    if others:
        print(
            f"The user has further API keys: {', '.join(others)}. Delete each that nobody uses, in "
            "Oracle's console."
        )
    return f"rotated the API key, to {new}"


def _configured(stack: Stack) -> tuple[str, str]:
    """Return the user and the fingerprint of the configured key.

    A run that was killed between the key and its fingerprint leaves both apart.
    """
    values = stack.configuration.values()
    private = values.get("oci:privateKey", "")
    if not private:
        raise StackError(
            "oci:privateKey is not set: the key is in a file of this machine, which other stacks "
            "may use. Only a key in the stack's configuration is rotated. docs/runbook.md has the "
            "steps for a file. The key of the local stack belongs to its emulated cloud."
        )
    fingerprint = keys.api_key_fingerprint(private)
    if values.get("oci:fingerprint") != fingerprint:
        stack.configuration.set_value("oci:fingerprint", fingerprint)
    return values.get("oci:userOcid", ""), fingerprint


def _client(stack: Stack, credentials: dict[str, str] | None = None) -> Any:
    """Return a client with the configured key, or with other `credentials`."""
    import oci  # noqa: PLC0415 - takes most of a second

    values = stack.configuration.values()
    user = {"tenancy": values.get("oci:tenancyOcid", ""), "user": values.get("oci:userOcid", "")}
    return open_client(
        stack,
        oci.identity.IdentityClient,
        package="oci_identity",
        path="/20160918",
        credentials={**user, **credentials} if credentials else None,
    )


def _details(public: str) -> Any:
    import oci  # noqa: PLC0415 - takes most of a second

    return oci.identity.models.CreateApiKeyDetails(key=public)


def _listed(client: Any, user: str) -> list[str]:
    return [str(key.fingerprint) for key in _call(client.list_api_keys, user)]


def _takes(client: Any, user: str) -> bool:
    """Check whether Oracle takes the key of a client."""
    try:
        client.list_api_keys(user)
    except failures() as error:
        if getattr(error, "status", 0) == _NOT_AUTHENTICATED:
            return False
        raise _failed(error) from None
    return True


def _call(operation: Callable[..., Any], *args: Any) -> Any:
    try:
        return operation(*args).data
    except failures() as error:
        raise _failed(error) from None


def _failed(error: Any) -> StackError:
    """Return the error for a refusal by Oracle, or for a request without an answer."""
    return StackError(
        f"{reason(error)} The configured key still works, and the same command begins again."
    )


def _wait_until(reached: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + _IN_FORCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise StackError(
                f"{problem} after {_IN_FORCE_SECONDS} s. The configured key works; look at the "
                "keys of the user in Oracle's console."
            )
        time.sleep(1)
