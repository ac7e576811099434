"""The buckets and the users of a tenancy, made by Oracle's API and not by the program."""

from collections.abc import Callable
from typing import Any

from stack.cloud_client import failures, open_client, reason
from stack.errors import StackError
from stack.stack import Stack

KEPT_DAYS = 30  # of earlier versions, which an intruder with the server's key can't delete
_NOT_FOUND = 404
_MOST_KEYS = 2  # of a user


class Tenancy:
    """The buckets and the users of a tenancy, by Oracle's SDK.

    An administrator's `profile` in ~/.oci/config has the rights to make users; without it the
    stack's own credentials are tried.
    """

    def __init__(self, stack: Stack, profile: str) -> None:
        # takes most of a second to import
        import oci  # noqa: PLC0415

        self._oci = oci
        credentials = _profile(oci, profile)
        values = stack.configuration.values()
        self.root = credentials.get("tenancy") or values.get("oci:tenancyOcid", "")
        self.compartment = values.get("auth:compartmentOcid", "")
        self.region = values.get("oci:region", "")
        self._storage = open_client(
            stack,
            oci.object_storage.ObjectStorageClient,
            package="oci_object_storage",
            credentials=credentials,
        )
        self._identity = open_client(
            stack,
            oci.identity.IdentityClient,
            package="oci_identity",
            path="/20160918",
            credentials=credentials,
        )

    def namespace(self) -> str:
        """Return the tenancy's namespace of buckets, which the S3-compatible host name has."""
        return str(self._call(self._storage.get_namespace))

    def ensure_bucket(self, name: str) -> None:
        """Make a private bucket with versions, unless it is there; raise StackError without them.

        Oracle deletes earlier versions after KEPT_DAYS.
        """
        models, namespace = self._oci.object_storage.models, self.namespace()
        try:
            bucket = self._storage.get_bucket(namespace, name).data
        except failures() as error:
            if getattr(error, "status", None) != _NOT_FOUND:
                raise _failed(error) from None
            details = models.CreateBucketDetails(
                name=name,
                compartment_id=self.compartment,
                versioning="Enabled",
                public_access_type="NoPublicAccess",
            )
            bucket = self._call(self._storage.create_bucket, namespace, details)
        if bucket.versioning != "Enabled" or bucket.public_access_type != "NoPublicAccess":
            raise StackError(
                f"The bucket {name} is there, with versioning {bucket.versioning} and access "
                f"{bucket.public_access_type}. Copies need a private bucket with versions: change "
                "it in Oracle's console, or delete it, then again."
            )
        rule = models.ObjectLifecycleRule(
            name="earlier-versions",
            action="DELETE",
            time_amount=KEPT_DAYS,
            time_unit="DAYS",
            is_enabled=True,
            target="previous-object-versions",
        )
        rules = models.PutObjectLifecyclePolicyDetails(items=[rule])
        self._call(self._storage.put_object_lifecycle_policy, namespace, name, rules)

    def ensure_user(self, name: str) -> str:
        """Make a user and its group, without a password; return the user's OCID."""
        models, text = self._oci.identity.models, "copies of the database; made by `make bucket`"
        user = self._named("list_users", name) or self._call(
            self._identity.create_user,
            models.CreateUserDetails(compartment_id=self.root, name=name, description=text),
        )
        group = self._named("list_groups", name) or self._call(
            self._identity.create_group,
            models.CreateGroupDetails(compartment_id=self.root, name=name, description=text),
        )
        member = models.AddUserToGroupDetails(user_id=user.id, group_id=group.id)
        if not self._call(
            self._identity.list_user_group_memberships,
            self.root,
            user_id=user.id,
            group_id=group.id,
        ):
            self._call(self._identity.add_user_to_group, member)
        return str(user.id)

    def ensure_policy(self, name: str, statements: list[str]) -> None:
        """Make a policy with these statements, or give them to the policy of that name."""
        models = self._oci.identity.models
        policy = self._named("list_policies", name)
        if policy is None:
            details = models.CreatePolicyDetails(
                compartment_id=self.root,
                name=name,
                description="the bucket of copies; made by `make bucket`",
                statements=statements,
            )
            self._call(self._identity.create_policy, details)
        elif list(policy.statements) != statements:
            changed = models.UpdatePolicyDetails(statements=statements)
            self._call(self._identity.update_policy, policy.id, changed)

    def access_keys(self, user: str) -> list[str]:
        """Return the access keys of a user."""
        listed = self._call(self._identity.list_customer_secret_keys, user)
        return [str(key.id) for key in listed]

    def make_key(self, user: str, name: str) -> tuple[str, str]:
        """Make a customer secret key; return the access key and its secret.

        A user has two keys at most, and a lost key looks like a key in use: raises
        StackError for a third.
        """
        if len(keys := self.access_keys(user)) >= _MOST_KEYS:
            raise StackError(
                f"The user of the bucket has {len(keys)} keys already, and none is that of "
                f"auth:backupAccessKey: {', '.join(keys)}. Delete one that no server uses, in "
                "Oracle's console, then again."
            )
        details = self._oci.identity.models.CreateCustomerSecretKeyDetails(display_name=name)
        key = self._call(self._identity.create_customer_secret_key, details, user)
        return str(key.id), str(key.key)

    def _named(self, operation: str, name: str) -> Any:
        """Return the user, group or policy of a name; None if there is none."""
        listed = self._call(getattr(self._identity, operation), self.root, name=name)
        return next((each for each in listed if each.name == name), None)

    def _call(self, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return operation(*args, **kwargs).data
        except failures() as error:
            raise _failed(error) from None


def _failed(error: Any) -> StackError:
    """Return the error for a refusal by Oracle, or for a request without an answer."""
    administrator = (
        "Users and policies take an administrator: name a profile of ~/.oci/config by "
        "PROFILE=NAME. "
    )
    return StackError(
        f"{reason(error)} {administrator if hasattr(error, 'status') else ''}"
        "What was made stays, and the same command goes on from there."
    )


def _profile(oci: Any, name: str) -> dict[str, str]:
    """Return the credentials of a profile of Oracle's CLI; nothing for an empty name."""
    if not name:
        return {}
    try:
        config = oci.config.from_file(profile_name=name)
    except (oci.exceptions.ConfigFileNotFound, oci.exceptions.ProfileNotFound) as error:
        raise StackError(f"PROFILE is {name!r}: {error}. `oci setup config` makes one.") from None
    known = ("tenancy", "user", "fingerprint", "key_file", "pass_phrase")
    return {key: str(config[key]) for key in known if config.get(key)}
