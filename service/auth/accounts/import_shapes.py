"""The users of other software, in the fields of `auth.accounts.user_lines`.

Read are a user of Auth0's export (https://auth0.com/docs/manage-users/user-migration) and a user
of a Keycloak realm's export, in its `users` (https://www.keycloak.org/server/importExport). Fields
that an account has no place for are left out.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from auth.accounts.user_lines import Shape, ShapeError
from auth.crypto import imported_hashes
from auth.crypto.imported_hashes import HashError

_ARGON2_VERSION = "1.3"


def of_auth0(user: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = _present(user, email="email", email_verified="email_verified", name="name")
    fields |= _present(user, created_at="created_at", disabled="blocked")
    if hashed := user.get("passwordHash"):
        return {**fields, "password_hash": hashed}
    custom = user.get("custom_password_hash")
    if custom is None:
        return fields
    hashed = custom.get("hash") if isinstance(custom, dict) else None
    value = hashed.get("value") if isinstance(hashed, dict) else None
    if not isinstance(value, str) or custom.keys() & {"salt", "password"}:
        raise ShapeError("custom_password_hash must have the hash alone, as bcrypt or PHC string.")
    return {**fields, "password_hash": value}


def of_keycloak(user: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = _present(user, email="email", email_verified="emailVerified")
    if name := " ".join(str(user[key]) for key in ("firstName", "lastName") if user.get(key)):
        fields["name"] = name
    if isinstance(created := user.get("createdTimestamp"), int):
        fields["created_at"] = datetime.fromtimestamp(created // 1000, UTC)
    if "enabled" in user:
        fields["disabled"] = not user["enabled"]
    try:
        passwords = [each for each in user.get("credentials") or () if each["type"] == "password"]
        if passwords:
            fields["password_hash"] = _of_credential(passwords[0])
    except HashError as error:
        raise ShapeError(f"credentials: {error}") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ShapeError(
            "credentials: each must have a type, and a password secretData with value and salt and "
            "credentialData with algorithm and hashIterations, as Keycloak 7 and newer write them."
        ) from None
    return fields


def _of_credential(credential: Mapping[str, Any]) -> str:
    secret = json.loads(credential["secretData"])
    data = json.loads(credential["credentialData"])
    salt, value = (base64.b64decode(secret[name], validate=True) for name in ("salt", "value"))
    algorithm, rounds = str(data["algorithm"]), int(data["hashIterations"])
    if algorithm == "argon2":
        more = {name: values[0] for name, values in data["additionalParameters"].items()}
        if more["version"] != _ARGON2_VERSION:
            raise HashError(f"argon2's version must be {_ARGON2_VERSION}.")
        parameters = f"v=19$m={more['memory']},t={rounds},p={more['parallelism']}"
        both = f"{imported_hashes.encoded(salt)}${imported_hashes.encoded(value)}"
        return imported_hashes.stored(f"$argon2{more['type']}${parameters}${both}")
    # `pbkdf2` is with SHA-1
    digest = algorithm.removeprefix("pbkdf2").removeprefix("-") or "sha1"
    return imported_hashes.pbkdf2(digest, rounds, salt, value)


def _present(user: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {ours: user[theirs] for ours, theirs in names.items() if user.get(theirs) is not None}


SHAPES: Mapping[str, Shape] = {"auth": dict, "auth0": of_auth0, "keycloak": of_keycloak}
