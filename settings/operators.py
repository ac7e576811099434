"""The operators of a stack's server: people with SSH keys of their own, from `auth:operators`."""

import json
import re
from collections.abc import Mapping
from typing import Any

from components import keys
from components.access import ROLES, Operator
from host.auth_release.callers import DEPLOYMENT
from settings.values import Values

_KEY = "operators"
_FIELDS = frozenset({"name", "key", "role"})
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


def read(values: Values, login_key: keys.KeyPair) -> tuple[Operator, ...]:
    """Read the operators, if any.

    Two keys that are the same are refused, as the SSH server would take the first alone.
    """
    listed = _listed(values)
    operators = tuple(
        Operator(
            name=str(each.get("name", "")),
            public=" ".join(str(each.get("key", "")).split()[:2]),
            role=str(each.get("role", "")),
        )
        for each in listed
    )
    for each, operator in zip(listed, operators, strict=True):
        _check(values, each, operator)
    names = [operator.name for operator in operators]
    publics = [login_key.public, *(operator.public for operator in operators)]
    for operator in operators:
        if names.count(operator.name) > 1:
            values.refuse(f"auth:{_KEY} has the name {operator.name!r} twice.")
        if operator.public and publics.count(operator.public) > 1:
            values.refuse(
                f"auth:{_KEY}: the key of {operator.name} is also the key of another operator, or "
                "of deployments. Each operator has a key alone."
            )
    return operators


def _listed(values: Values) -> list[dict[str, Any]]:
    try:
        listed = json.loads(values.text(_KEY, required=False) or "[]")
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        values.refuse(
            f"auth:{_KEY} must be a list of objects with name, key and role. Add an operator:",
            f"pulumi config set --path 'auth:{_KEY}[0].name' ann, and key and role likewise",
        )
        return []
    return listed


def _check(values: Values, document: Mapping[str, Any], operator: Operator) -> None:
    subject = f"auth:{_KEY}: the operator {operator.name!r}"
    if unknown := sorted({*document} - _FIELDS):
        values.refuse(f"{subject} has {unknown[0]!r}; it may have name, key and role.")
    if not _NAME.fullmatch(operator.name) or operator.name == DEPLOYMENT:
        values.refuse(
            f"{subject} must have a name of up to 32 lower-case letters, digits and hyphens, other "
            f"than {DEPLOYMENT}."
        )
    if operator.role not in ROLES:
        values.refuse(f"{subject} has the role {operator.role!r}; it must be {' or '.join(ROLES)}.")
    if not keys.is_public(str(document.get("key", ""))):
        values.refuse(
            f"{subject} must have a public SSH key as its key: the line of a file such as "
            "~/.ssh/id_ed25519.pub."
        )
