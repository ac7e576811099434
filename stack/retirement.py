"""`make retire`: the platform that a stack has left is deleted, after a yes to its losses."""

from common.progress import step
from components import advice
from stack import former_platform, removal
from stack.errors import StackError
from stack.names import is_local
from stack.stack import Stack


def retire(stack: Stack, *, named: str) -> None:
    """Delete the former platform, if its losses are agreed to by the stack's name."""
    resources = stack.resources()
    if not (name := former_platform.former(stack, resources)):
        raise StackError(
            f"{stack.name} has no other platform than that of auth:platform. Nothing was deleted."
        )
    with step(f"Find the resources of the {name}"):
        steps = stack.planned_steps(ignore_protect=True)
    if missing := [each["urn"] for each in steps if each["op"] == "create"]:
        raise StackError(
            f"{len(missing)} resources of the new platform are missing, such as "
            f"{missing[0].rpartition('::')[2]}. Nothing was deleted. First: "
            f"{advice.make('up', stack.name)}"
        )
    urns = {each["urn"] for each in steps if each["op"] == "delete"}
    leaving = [each for each in resources if each["urn"] in urns]
    removal.confirm(
        stack.name,
        removal.listed(leaving),
        named=named,
        disposable=is_local(stack.name),
        plan=f"The {name} of {{}} is about to be deleted; the database stays.",
        command="retire",
    )
    if protected := [each["urn"] for each in leaving if each.get("protect")]:
        stack.pulumi.read("state", "unprotect", "--yes", *protected)
    stack.up(keeping=False)
