"""The bucket for the copies of a stack, and its user: made once, and not by the program.

The bucket outlives the stack, so the stack's state does not have it (docs/adr/0017-backups.md).
"""

import time
from collections.abc import Mapping

from common.progress import step
from components import advice
from host.auth_release.bucket import Bucket
from host.auth_release.errors import ReleaseError
from stack.errors import StackError
from stack.names import is_local
from stack.stack import Stack
from stack.tenancy import KEPT_DAYS, Tenancy

_IN_FORCE_SECONDS = 600  # until a new policy and a new key are known everywhere


def make(stack: Stack, profile: str) -> int:
    """Make the bucket of a stack with its user and key, and put them into the configuration.

    Safe to repeat: all parts that are there stay, as does a key that the configuration has.
    """
    name = f"auth-backup-{stack.name}"
    values = stack.configuration.values()
    other = values.get("auth:backupBucket", "")
    if other not in {"", name} and not is_local(stack.name):
        raise StackError(
            f"auth:backupBucket is {other!r}: the stack {stack.name} has a bucket already, and its "
            "copies stay there. To leave it: "
            + advice.of_stack("pulumi config rm auth:backupBucket", stack.name)
        )
    tenancy = Tenancy(stack, profile)
    with step(f"Make the user {name}, with rights on a bucket alone"):
        user = tenancy.ensure_user(name)
        tenancy.ensure_policy(name, statements(name, tenancy.compartment, tenancy.region))
    with step(f"Make the bucket {name}: private, with versions"):
        tenancy.ensure_bucket(name)
    with step("Make the key of the user"):
        access_key = values.get("auth:backupAccessKey", "")
        if access_key in tenancy.access_keys(user):
            secret = values.get("auth:backupSecretKey", "")
        else:
            access_key, secret = tenancy.make_key(user, stack.name)
            # first, and at once: the secret is shown a single time
            stack.configuration.set_secret("backupSecretKey", secret)
            stack.configuration.set_value("auth:backupAccessKey", access_key)
    bucket = Bucket(
        endpoint=_endpoint(stack, values, tenancy),
        region=tenancy.region,
        name=name,
        access_key=access_key,
        secret_key=secret,
    )
    stack.configuration.set_value("auth:backupEndpoint", bucket.endpoint)
    stack.configuration.set_value("auth:backupBucket", name)
    with step("Wait until Oracle knows the key and its rights everywhere"):
        wait_until_open(bucket)
    print(
        f"The bucket {name} is ready; earlier versions stay {KEPT_DAYS} days. It is no resource "
        f"of the stack, so nothing deletes it. Next: {advice.make('up', stack.name)}"
    )
    return 0


def statements(bucket: str, compartment: str, region: str) -> list[str]:
    """Return the policy of a bucket: its user may do all but delete earlier versions."""
    place = f"in compartment id {compartment}"
    named = f"target.bucket.name = '{bucket}'"
    harmless = f"all {{{named}, request.permission != 'OBJECT_VERSION_DELETE'}}"
    return [
        f"Allow group {bucket} to read buckets {place} where {named}",
        f"Allow group {bucket} to manage objects {place} where {harmless}",
        # the lifecycle rules act as this service
        f"Allow service objectstorage-{region} to manage object-family {place} where {named}",
    ]


def wait_until_open(bucket: Bucket, seconds: float = _IN_FORCE_SECONDS) -> None:
    """Return once the key can read the bucket; raise StackError if it never can."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            bucket.check()
        except ReleaseError as error:
            if time.monotonic() > deadline:
                raise StackError(
                    f"The key of {bucket.name} does not work after {seconds:g} s: {error}. The "
                    "same command waits again."
                ) from None
            time.sleep(min(5, seconds / 10))
        else:
            return


def _endpoint(stack: Stack, values: Mapping[str, str], tenancy: Tenancy) -> str:
    if is_local(stack.name):
        return values["auth:backupEndpoint"]  # of the emulated cloud
    return f"https://{tenancy.namespace()}.compat.objectstorage.{tenancy.region}.oraclecloud.com"
