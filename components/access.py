"""The access to a server by SSH: the program's key, and the keys of its operators."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from host.auth_release.callers import DEPLOYMENT, RELEASE

ADMIN = "admin"
ROLES = (ADMIN, RELEASE)


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A person with a key of their own; `public` is a line of authorized_keys without options.

    The role `admin` has a shell with sudo. `release` reads status, history and logs, rolls back,
    and makes copies: host/auth_release/gate.py.
    """

    name: str
    public: str
    role: str


def document(login_key: str, operators: Sequence[Operator]) -> str:
    """Return the document for `auth-release access`, which has public halves alone.

    Once an operator has a shell, the program's key has none. Without such an operator it has one,
    or nobody could look at a server that is broken.
    """
    has_admin = any(operator.role == ADMIN for operator in operators)
    keys = [
        {
            "name": DEPLOYMENT,
            "public": login_key,
            "role": DEPLOYMENT if has_admin else ADMIN,
        },
        *(
            {"name": operator.name, "public": operator.public, "role": operator.role}
            for operator in operators
        ),
    ]
    return json.dumps({"keys": keys})
