"""Buckets with versions. All are private, and no rule deletes their objects here."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from localcloud import ocids, resources
from localcloud.api import errors, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields, describe
from localcloud.api.wire import Details, Resource
from localcloud.cloud import Cloud
from localcloud.resources import TagDetails, Tags
from localcloud.service import ResourceType

NAMESPACE = "localcloud"
_BUCKETS = "/{namespaceName}/b"
_BUCKET = f"{_BUCKETS}/{{bucketName}}"


class Bucket(Resource):
    """A bucket of the tenancy; its name is unique there."""

    kind: ClassVar[str] = "bucket"
    title: ClassVar[str] = "Bucket"
    id: str
    namespace: str
    name: str
    compartment_id: str
    created_by: str
    time_created: AwareDatetime
    versioning: Literal["Enabled"]
    public_access_type: Literal["NoPublicAccess"]
    storage_tier: Literal["Standard"] = "Standard"
    freeform_tags: Tags = Field(default_factory=dict)


class CreateBucketDetails(TagDetails):
    """The request for a bucket: private, and with versions."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,256}$")
    compartment_id: str
    versioning: Literal["Enabled"]
    public_access_type: Literal["NoPublicAccess"] = "NoPublicAccess"
    storage_tier: Literal["Standard"] | None = None


class ObjectLifecycleRule(Details):
    """A rule that deletes objects, or their previous versions, after some time."""

    name: str
    action: Literal["DELETE", "ABORT"]
    time_amount: int = Field(ge=1)
    time_unit: Literal["DAYS", "YEARS"]
    is_enabled: bool
    target: Literal["objects", "previous-object-versions", "multipart-uploads"] = "objects"


class ObjectLifecyclePolicy(Resource):
    """The rules of a bucket; they are kept, and not executed."""

    kind: ClassVar[str] = "lifecyclepolicy"
    title: ClassVar[str] = "Lifecycle Policy"
    hidden: ClassVar[frozenset[str]] = frozenset({"id"})
    id: str
    time_created: AwareDatetime
    items: list[ObjectLifecycleRule]


class PutObjectLifecyclePolicyDetails(Details):
    """The request for the rules of a bucket, which replace its rules."""

    items: list[ObjectLifecycleRule]


def find(cloud: Cloud, name: str) -> Bucket | None:
    """Return the bucket of a name; None if there is none."""
    return next(iter(cloud.store.find(Bucket, name=name)), None)


def _namespace(_: Call) -> Reply:
    return Reply(body=NAMESPACE)


def _create(call: Call) -> Reply:
    """Create a bucket; raises 409 for a name in use."""
    _check_namespace(call)
    details = wire.read(CreateBucketDetails, call.body)
    cloud = call.cloud
    resources.known_compartment(cloud, details.compartment_id)
    resources.refuse_defined_tags(details)
    with cloud.store.transaction():
        if find(cloud, details.name):
            raise errors.ApiError(
                409,
                "BucketAlreadyExists",
                f"Either the bucket '{details.name}' in namespace '{NAMESPACE}' already exists or "
                "you are not authorized to create it",
            )
        bucket = cloud.store.put(
            Bucket(
                id=ocids.mint(Bucket.kind),
                namespace=NAMESPACE,
                name=details.name,
                compartment_id=details.compartment_id,
                created_by=cloud.account.user,
                time_created=cloud.now(),
                versioning=details.versioning,
                public_access_type=details.public_access_type,
                freeform_tags=details.freeform_tags or {},
            )
        )
    return describe(bucket)


def _get(call: Call) -> Reply:
    return describe(_existing(call))


def _put_rules(call: Call) -> Reply:
    bucket = _existing(call)
    details = wire.read(PutObjectLifecyclePolicyDetails, call.body)
    policy = ObjectLifecyclePolicy(
        id=bucket.id.replace("ocid1.bucket.", "ocid1.lifecyclepolicy."),
        time_created=call.cloud.now(),
        items=details.items,
    )
    return describe(call.cloud.store.put(policy))


def _existing(call: Call) -> Bucket:
    _check_namespace(call)
    bucket = find(call.cloud, call.path["bucketName"])
    if bucket is None:
        raise errors.ApiError(
            404,
            "BucketNotFound",
            f"Either the bucket named '{call.path['bucketName']}' does not exist in the namespace "
            f"'{NAMESPACE}' or you are not authorized to access it",
        )
    return bucket


def _check_namespace(call: Call) -> None:
    if call.path["namespaceName"] != NAMESPACE:
        raise errors.ApiError(
            404,
            "NamespaceNotFound",
            f"Either the namespace '{call.path['namespaceName']}' does not exist or you are not "
            "authorized to access it",
        )


RESOURCE_TYPE = ResourceType(
    resource=Bucket,
    operations=(
        Operation(name="GetNamespace", method="GET", path="", answer=_namespace),
        Operation(
            name="CreateBucket",
            method="POST",
            path=_BUCKETS,
            answer=_create,
            fields=body_fields(CreateBucketDetails),
        ),
        Operation(name="GetBucket", method="GET", path=_BUCKET, answer=_get),
        Operation(
            name="PutObjectLifecyclePolicy",
            method="PUT",
            path=f"{_BUCKET}/l",
            answer=_put_rules,
            fields=body_fields(PutObjectLifecyclePolicyDetails),
        ),
    ),
    limits="""
        - Each bucket is private and has versions. Lifecycle rules are kept, and not executed.
    """,
)
