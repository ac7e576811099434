"""Claims that an application asks for by name, with the parameter `claims` (OIDC Core §5.5)."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from auth.tokens import scopes

_LONGEST = 4096


class _Entry(BaseModel):
    """The wishes about a claim; members that are not understood are ignored."""

    model_config = ConfigDict(strict=True)

    essential: bool = False
    value: Any = None
    values: list[Any] = []

    def allowed(self) -> frozenset[str] | None:
        """Return the texts that are asked for, None for any value."""
        if self.value is None and not self.values:
            return None
        return frozenset(text for text in (self.value, *self.values) if isinstance(text, str))


class _Parameter(BaseModel):
    model_config = ConfigDict(strict=True)

    userinfo: dict[str, _Entry | None] = {}
    id_token: dict[str, _Entry | None] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedClaims:
    """The claims about the account for each of the two answers, in alphabetical order.

    `levels` are the values of an essential `acr`, `subjects` the users that may answer; None for
    any.
    """

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    levels: frozenset[str] | None = None
    subjects: frozenset[str] | None = None

    @classmethod
    def read(cls, parameter: str) -> Self:
        """Read the parameter; raise ValueError. Claims that nobody here knows are left out."""
        if len(parameter) > _LONGEST:
            raise ValueError("claims is too long.")
        try:
            asked = _Parameter.model_validate_json(parameter)
        except ValidationError:
            raise ValueError("claims is no JSON object of the form of OIDC Core §5.5.") from None
        level, subject = asked.id_token.get("acr"), asked.id_token.get("sub")
        return cls(
            userinfo=_known(asked.userinfo),
            id_token=_known(asked.id_token),
            levels=level.allowed() if level and level.essential else None,
            subjects=subject.allowed() if subject else None,
        )

    @classmethod
    def stored(cls, text: str | None) -> Self:
        """Read the result of `to_store`."""
        if text is None:
            return cls()
        values = json.loads(text)
        return cls(
            userinfo=tuple(values["userinfo"]),
            id_token=tuple(values["id_token"]),
            levels=None if values["levels"] is None else frozenset(values["levels"]),
        )

    def to_store(self, levels: Collection[str]) -> str | None:
        """Return the text that a session keeps, None if nothing was asked for.

        `levels` are those of the sign-in. The subject is left out: the sign-in has proved it.
        """
        reached = None if self.levels is None else sorted(self.levels.intersection(levels))
        if not self.userinfo and not self.id_token and reached is None:
            return None
        values = {"userinfo": self.userinfo, "id_token": self.id_token, "levels": reached}
        return json.dumps(values)

    def within(self, allowed: Collection[str]) -> Self:
        """Return the request without the claims of scopes that are not allowed."""
        names = scopes.claims_of(allowed)
        return replace(
            self,
            userinfo=tuple(name for name in self.userinfo if name in names),
            id_token=tuple(name for name in self.id_token if name in names),
        )

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes that hold the claims: a user agrees to these."""
        asked = {*self.userinfo, *self.id_token}
        return tuple(scope for scope, names in scopes.CLAIMS.items() if asked.intersection(names))

    def level(self, reached: tuple[str, ...]) -> str | None:
        """Return the highest level of a sign-in that was asked for, None if none of them was."""
        fitting = (level for level in reached if self.levels is None or level in self.levels)
        return next(fitting, None)


def _known(asked: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(sorted(scopes.claims_of(scopes.CLAIMS).intersection(asked)))
