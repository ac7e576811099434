"""API keys: with the private half a user signs requests to the cloud."""

from functools import lru_cache
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from localcloud.api import errors, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields, describe
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import LifecycleResource
from localcloud.service import ResourceType
from localcloud.state.account import User, fingerprint

_MOST = 3  # keys of a user
_PATH = "/users/{userId}/apiKeys"


class ApiKey(LifecycleResource):
    """The public half of a key."""

    kind: ClassVar[str] = "apikey"
    title: ClassVar[str] = "API Key"
    identifier: ClassVar[str] = "key_id"
    hidden: ClassVar[frozenset[str]] = frozenset({"compartment_id"})
    key_id: str  # the name of the key in a signed request
    key_value: str  # PEM
    fingerprint: str
    user_id: str


class CreateApiKeyDetails(Details):
    """The request for a key."""

    key: str


@lru_cache(maxsize=16)
def public_key(pem: str) -> rsa.RSAPublicKey:
    """Read a public key; raise ValueError for any other text."""
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("it is a key of another kind")  # noqa: TRY004 - callers expect ValueError alone
    return key


def of_owner(cloud: Cloud) -> dict[str, rsa.RSAPublicKey]:
    """Return the uploaded keys by their name in a signed request."""
    return {key.key_id: public_key(key.key_value) for key in cloud.store.find(ApiKey)}


def _upload(call: Call) -> Reply:
    details, owner = wire.read(CreateApiKeyDetails, call.body), _owner(call)
    try:
        name = fingerprint(public_key(details.key))
    except ValueError:
        raise errors.invalid_parameter("key must be an RSA public key in PEM.") from None
    store = call.cloud.store
    with store.transaction():
        present = [key.fingerprint for key in _keys(call.cloud, owner)]
        if name in present:
            raise errors.conflict(f"The user has the key {name} already.")
        if len(present) >= _MOST:
            raise errors.limit_exceeded("api-key-count")
        key = store.put(_key(call.cloud, owner, name, details.key))
    return describe(key)


def _list(call: Call) -> Reply:
    return Reply(body=[key.wire() for key in _keys(call.cloud, _owner(call))])


def _delete(call: Call) -> Reply:
    owner, name = _owner(call), call.path["fingerprint"]
    if name == owner.fingerprint:
        raise errors.not_enforceable(
            f"The key {name} belongs to this cloud: `localcloud describe` gives it to each stack."
        )
    with call.cloud.store.transaction():
        key = call.cloud.store.get(ApiKey, f"{owner.tenancy}/{owner.ocid}/{name}")
        call.cloud.store.remove(key.key_id)
    return Reply(status=204)


def _owner(call: Call) -> User:
    """Return the account's owner; no other user has API keys here."""
    owner = call.cloud.account.owner
    if call.path["userId"] != owner.ocid:
        raise errors.not_implemented("API keys of another user than the account's owner")
    return owner


def _keys(cloud: Cloud, owner: User) -> list[ApiKey]:
    """List the owner's keys: the first key comes with the account."""
    pem = owner.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return [_key(cloud, owner, owner.fingerprint, pem), *cloud.store.find(ApiKey)]


def _key(cloud: Cloud, owner: User, name: str, pem: str) -> ApiKey:
    return ApiKey(
        key_id=f"{owner.tenancy}/{owner.ocid}/{name}",
        key_value=pem,
        fingerprint=name,
        user_id=owner.ocid,
        compartment_id=owner.tenancy,
        time_created=cloud.now(),
        lifecycle_state="ACTIVE",
    )


RESOURCE_TYPE = ResourceType(
    resource=ApiKey,
    operations=(
        Operation(
            name="UploadApiKey",
            method="POST",
            path=_PATH,
            answer=_upload,
            fields=body_fields(CreateApiKeyDetails),
        ),
        Operation(name="ListApiKeys", method="GET", path=_PATH, answer=_list),
        Operation(
            name="DeleteApiKey", method="DELETE", path=f"{_PATH}/{{fingerprint}}", answer=_delete
        ),
    ),
    limits="""
        - The account's owner alone has API keys. The first comes with the account, and stays.
    """,
)
