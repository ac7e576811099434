"""Customer secret keys: with them a user signs requests to the S3-compatible API."""

import secrets
from typing import ClassVar

from pydantic import Field

from localcloud import resources
from localcloud.api import errors, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields, deletes, describe
from localcloud.api.wire import Details
from localcloud.resources import LifecycleResource
from localcloud.service import ResourceType
from localcloud.services.identity.user import IdentityUser

_MOST = 2  # keys of a user
_PATH = "/users/{userId}/customerSecretKeys"


class CustomerSecretKey(LifecycleResource):
    """A key; its secret is answered once, when it is made."""

    kind: ClassVar[str] = "credential"
    title: ClassVar[str] = "Customer Secret Key"
    hidden: ClassVar[frozenset[str]] = frozenset({"compartment_id", "secret"})
    id: str  # is the access key
    user_id: str
    display_name: str
    secret: str


class CreateCustomerSecretKeyDetails(Details):
    """The request for a key."""

    display_name: str = Field(min_length=1, max_length=255)


def _create(call: Call) -> Reply:
    details = wire.read(CreateCustomerSecretKeyDetails, call.body)
    store = call.cloud.store
    with store.transaction():
        user = store.get(IdentityUser, call.path["userId"])
        if len(store.find(CustomerSecretKey, user_id=user.id)) >= _MOST:
            raise errors.limit_exceeded("customer-secret-key-count")
        key = store.put(
            CustomerSecretKey(
                id=secrets.token_hex(20),
                compartment_id=user.compartment_id,
                user_id=user.id,
                display_name=details.display_name,
                secret=secrets.token_urlsafe(33),
                time_created=call.cloud.now(),
                lifecycle_state="ACTIVE",
            )
        )
    reply = describe(key)
    return Reply(body={**reply.body, "key": key.secret}, headers=reply.headers)


def _list(call: Call) -> Reply:
    user = call.cloud.store.get(IdentityUser, call.path["userId"])
    keys = call.cloud.store.find(CustomerSecretKey, user_id=user.id)
    return Reply(body=[key.wire() for key in keys])


RESOURCE_TYPE = ResourceType(
    resource=CustomerSecretKey,
    operations=(
        Operation(
            name="CreateCustomerSecretKey",
            method="POST",
            path=_PATH,
            answer=_create,
            fields=body_fields(CreateCustomerSecretKeyDetails),
        ),
        Operation(name="ListCustomerSecretKeys", method="GET", path=_PATH, answer=_list),
        deletes(
            "DeleteCustomerSecretKey",
            f"{_PATH}/{{customerSecretKeyId}}",
            CustomerSecretKey,
            resources.delete,
        ),
    ),
)
