"""Policies: of their statements, those about the objects of a bucket take effect."""

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from localcloud import resources
from localcloud.api import errors
from localcloud.api.operation import creates, deletes, lists, reads, updates
from localcloud.cloud import Cloud
from localcloud.resources import TagDetails
from localcloud.service import ResourceType
from localcloud.services.identity.group import Group
from localcloud.services.identity.membership import UserGroupMembership
from localcloud.services.identity.named import CreateNamedDetails, Named, create

_STATEMENT = re.compile(
    r"allow (group|service) (?P<group>\S+) to (?P<verb>inspect|read|use|manage) (?P<kind>\S+) "
    r"in (tenancy|compartment( id)? \S+)( where (?P<condition>.+))?",
    re.IGNORECASE,
)
_BUCKET = re.compile(r"target\.bucket\.name\s*=\s*'([^']+)'")


class Policy(Named):
    """A list of statements, in the language of Oracle's policies."""

    kind: ClassVar[str] = "policy"
    title: ClassVar[str] = "Policy"
    statements: list[str]


class CreatePolicyDetails(CreateNamedDetails):
    """The request for a policy."""

    statements: list[str] = Field(min_length=1)


class UpdatePolicyDetails(TagDetails):
    """The update of a policy; statements replace all statements."""

    description: str | None = None
    statements: list[str] | None = None


def may_manage_objects(cloud: Cloud, user_id: str, bucket: str) -> bool:
    """Check whether a policy lets a group of the user manage the objects of the bucket."""
    memberships = cloud.store.find(UserGroupMembership, user_id=user_id)
    groups = [cloud.store.get(Group, each.group_id).name for each in memberships]
    return any(
        match["group"] in groups
        and match["verb"].lower() == "manage"
        and match["kind"].lower() in {"objects", "object-family"}
        and bucket in _BUCKET.findall(match["condition"] or "")
        for policy in cloud.store.find(Policy)
        for statement in policy.statements
        if (match := _STATEMENT.fullmatch(statement.strip()))
    )


def _create(cloud: Cloud, details: CreatePolicyDetails) -> Policy:
    _check(details.statements)
    return create(cloud, Policy, details, statements=details.statements)


def _update(cloud: Cloud, policy: Policy, details: UpdatePolicyDetails) -> Policy:
    _check(details.statements or [])
    return resources.update(cloud, policy, details)


def _check(statements: Sequence[str]) -> None:
    for statement in statements:
        if not _STATEMENT.fullmatch(statement.strip()):
            raise errors.invalid_parameter(f"Invalid policy statement: {statement!r}.")


RESOURCE_TYPE = ResourceType(
    resource=Policy,
    operations=(
        creates("CreatePolicy", "/policies", Policy, CreatePolicyDetails, _create),
        lists("ListPolicies", "/policies", Policy, ("compartmentId", "name"), sort_keys=()),
        reads("GetPolicy", "/policies/{policyId}", Policy),
        updates("UpdatePolicy", "/policies/{policyId}", Policy, UpdatePolicyDetails, _update),
        deletes("DeletePolicy", "/policies/{policyId}", Policy, resources.delete),
    ),
    limits="""
        - A statement takes effect if it lets a group `manage objects` (or `object-family`) with a
          condition on `target.bucket.name`. Of the condition, the bucket's name alone is heeded.
    """,
)
