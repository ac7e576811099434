"""Scopes: the permissions of a token, as words with spaces between them (RFC 6749 §3.3)."""

from collections.abc import Iterable, Mapping

from auth.languages.messages import Message

OPENID, PROFILE, EMAIL, OFFLINE = "openid", "profile", "email", "offline_access"
# lets an application manage an account as our own does: change it, end its sessions
ACCOUNT = "account"
# scopes about a user, which a client's own access token never has
OF_USERS = frozenset({OPENID, PROFILE, EMAIL, OFFLINE, ACCOUNT})
# the claims about an account that a scope holds (OIDC Core §5.4): those that the service stores
CLAIMS: Mapping[str, tuple[str, ...]] = {PROFILE: ("name",), EMAIL: ("email", "email_verified")}
# the other scopes of OIDC Core §5.4: the service stores none of their claims
WITHOUT_CLAIMS = frozenset({"address", "phone"})
TOKEN = r"^[\x21\x23-\x5b\x5d-\x7e]{1,64}$"  # noqa: S105 - the form of a scope

# the texts of the consent page
_MEANINGS = {
    OPENID: Message("Know who you are"),
    PROFILE: Message("See your name"),
    EMAIL: Message("See your e-mail address"),
    OFFLINE: Message("Stay signed in while you are away"),
    ACCOUNT: Message("Change your account and end its sessions"),
}


def meaning(scope: str) -> Message | str:
    """Return a scope's text for users; scopes of others are shown as they are."""
    return _MEANINGS.get(scope, scope)


def split(scope: str) -> tuple[str, ...]:
    """Return the words once each, in their order."""
    return tuple(dict.fromkeys(scope.split()))


def joined(words: Iterable[str]) -> str:
    return " ".join(words)


def claims_of(words: Iterable[str]) -> frozenset[str]:
    """Return the claims about an account that scopes hold."""
    return frozenset(name for word in words for name in CLAIMS.get(word, ()))


def covers(granted: str, asked: Iterable[str]) -> bool:
    return set(asked) <= set(granted.split())
