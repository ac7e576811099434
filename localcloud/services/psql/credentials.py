"""The administrator of a database system. Its password is kept as a SCRAM verifier alone."""

import re
import secrets
from typing import Literal

from pydantic import Field

from common import scram
from localcloud.api import errors
from localcloud.api.wire import Details

_USERNAME = re.compile(r"(?!pg_|postgres$)[A-Za-z_][A-Za-z0-9_]{0,62}")
_KINDS_OF_CHARACTERS = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]")
_SHORTEST = 8


class PlainTextPasswordDetails(Details):
    """A password in the request; a secret of Vault is not modelled."""

    password_type: Literal["PLAIN_TEXT"]
    password: str = Field(default="", max_length=32)

    def verifier(self) -> str:
        """Return the password as PostgreSQL keeps it; raise 400 for a weak one."""
        is_mixed = all(re.search(kind, self.password) for kind in _KINDS_OF_CHARACTERS)
        if len(self.password) < _SHORTEST or not is_mixed:
            raise errors.invalid_parameter(
                "The password must have 8 to 32 characters, and at least one lowercase letter, one "
                "uppercase letter, one digit and one special character."
            )
        return scram.verifier(self.password, secrets.token_bytes(16))


class Credentials(Details):
    """The administrator's user name and password."""

    username: str
    password_details: PlainTextPasswordDetails

    def check(self) -> None:
        """Raise 400 for a user name that PostgreSQL keeps for itself, or that needs quotes."""
        if not _USERNAME.fullmatch(self.username):
            raise errors.invalid_parameter(
                f"username '{self.username}' must begin with a letter, hold letters, digits and "
                "underscores, and not be postgres or begin with pg_."
            )


class ResetMasterUserPasswordDetails(Details):
    """A new password for the administrator."""

    password_details: PlainTextPasswordDetails
