"""Authorization requests of applications (RFC 6749 §4.1.1, OIDC Core §3.1.2.1)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from auth.authorization.parameters import parameters
from auth.clients.clients import CODE, Client, Clients
from auth.languages.messages import msgid
from auth.tokens import id_tokens, scopes
from auth.tokens.access_tokens import Tokens
from auth.tokens.requested_claims import RequestedClaims
from auth.tokens.scopes import OPENID

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
QUERY, FORM_POST = "query", "form_post"
RESPONSE_MODES = (QUERY, FORM_POST)
_HTTP = ("http://", "https://")
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_ASKS_AGAIN = frozenset({"login", "select_account"})
_LONGEST_NONCE = 255
_LONGEST_STATE = 2048
_LONGEST_AGE = 9
_MOST_LOCALES = 32


class UnusableRequestError(Exception):
    """The request can't be answered with a redirect: its destination is unknown."""


class RefusedRequestError(Exception):
    """The client gets an error at its redirect URI (RFC 6749 §4.1.2.1)."""

    def __init__(self, error: str, description: str, back: "Back") -> None:
        super().__init__(error)
        self.error, self.description, self.back = error, description, back


@dataclass(frozen=True, kw_only=True, slots=True)
class Back:
    """The way of an answer to the client: its URI, its `state`, and the response mode."""

    redirect_uri: str
    state: str | None
    response_mode: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """A request that may be granted. `max_age` in seconds; `challenge` is "" without PKCE.

    `users` are the users that may answer, by `id_token_hint` or by `claims`; None for any user.
    """

    client: Client
    back: Back
    scope: str
    challenge: str
    nonce: str | None
    prompts: frozenset[str]
    max_age: int | None
    users: frozenset[str] | None
    claims: RequestedClaims
    # the thumbprint of the key that the code is bound to (RFC 9449 §10), None for any
    dpop_key: str | None
    # the languages that the user prefers, as language tags (BCP 47)
    ui_locales: Sequence[str]
    query: str

    @property
    def silent(self) -> bool:
        """Whether no page may be shown."""
        return "none" in self.prompts

    @property
    def unproven(self) -> bool:
        """Whether any program on the user's machine could have sent the request.

        Nothing proves a public client on loopback or with a scheme of its own: the user decides
        each time, and a consent of before does not count (RFC 8252 §8.6).
        """
        return self.client.public and urlsplit(self.back.redirect_uri).scheme != "https"

    def wants_login(self, authenticated_at: float, now: float) -> bool:
        """Return whether a sign-in at that time is too old, or does not count."""
        if self.prompts & _ASKS_AGAIN or self.max_age == 0:
            return True
        return self.max_age is not None and now - authenticated_at > self.max_age

    def is_for(self, account_id: str) -> bool:
        """Return whether the client gets a code for this user (OIDC Core §3.1.2.2).

        A request for another user never gives a code, whatever the user agrees to.
        """
        return self.users is None or account_id in self.users

    def wrong_user(self) -> RefusedRequestError:
        return self.refused("login_required", "Another user is signed in than was asked for.")

    def is_reached(self, amr: Sequence[str]) -> bool:
        """Return whether a sign-in reaches a level that `claims` calls essential (§5.5.1.1)."""
        return self.claims.level(id_tokens.levels(amr)) is not None

    def too_low(self) -> RefusedRequestError:
        return self.refused(
            "unmet_authentication_requirements",
            "The user has no second factor, or the level is not one of ours.",
        )

    @property
    def needs_consent_to(self) -> str:
        """Return the scopes that a user agrees to, with those of the claims asked for by name."""
        return scopes.joined(dict.fromkeys([*scopes.split(self.scope), *self.claims.scopes]))

    def after_login(self) -> str:
        """Return the query of the request without its wishes for a language and a sign-in."""
        values = parameters(self.query)
        # both are fulfilled; a language that the user chooses from now on counts more
        values.pop("ui_locales", None)
        if self.max_age == 0:
            del values["max_age"]
        left = [word for word in values.pop("prompt", "").split() if word not in _ASKS_AGAIN]
        if left:
            values["prompt"] = " ".join(left)
        return urlencode(values)

    def refused(self, error: str, description: str) -> RefusedRequestError:
        return RefusedRequestError(error, description, self.back)


def read(clients: Clients, tokens: Tokens, query: str) -> Ask:
    """Read the query of a request; raise UnusableRequestError or RefusedRequestError."""
    try:
        values = parameters(query)
    except ValueError:
        raise UnusableRequestError(
            msgid("The request can't be read, or has a parameter twice.")
        ) from None
    client = clients.find(values.get("client_id", ""))
    if client is None:
        raise unusable_client()
    redirect_uri = values.get("redirect_uri", "")
    if not client.redirects_to(redirect_uri):
        raise UnusableRequestError(
            msgid("The address to which the application wants you back is not registered.")
        )
    back = _back(redirect_uri, values)
    if len(values.get("state", "")) > _LONGEST_STATE:
        raise RefusedRequestError("invalid_request", "state is too long.", back)
    if "scope" in values:
        # OIDC Core §3.1.2.1: scopes that the service does not know are ignored
        known = clients.known_scopes
        values["scope"] = scopes.joined(
            word for word in scopes.split(values["scope"]) if word in known
        )
    refusal = _refusal(client, values)
    if refusal is not None:
        raise RefusedRequestError(*refusal, back)
    try:
        claims = RequestedClaims.read(values.get("claims", "{}")).within(client.scopes)
        users = _users(tokens, values.get("id_token_hint"), claims)
    except ValueError as error:
        raise RefusedRequestError("invalid_request", str(error), back) from None
    age = values.get("max_age")
    return Ask(
        client=client,
        back=back,
        scope=values["scope"],
        challenge=values.get("code_challenge", ""),
        nonce=values.get("nonce"),
        prompts=frozenset(values.get("prompt", "").split()),
        max_age=None if age is None else int(age),
        users=users,
        claims=claims,
        dpop_key=values.get("dpop_jkt"),
        ui_locales=values.get("ui_locales", "").split()[:_MOST_LOCALES],
        query=query,
    )


def unusable_client() -> UnusableRequestError:
    return UnusableRequestError(msgid("The application that sent you here is not registered."))


def _users(
    tokens: Tokens, id_token_hint: str | None, claims: RequestedClaims
) -> frozenset[str] | None:
    """Return the users that may answer, None for any user; raise ValueError for a broken hint."""
    if id_token_hint is None:
        return claims.subjects
    hint = id_tokens.hint(tokens, id_token_hint)
    if hint is None:
        raise ValueError("id_token_hint is no ID token of ours.")
    hinted = frozenset({hint.subject})
    return hinted if claims.subjects is None else hinted & claims.subjects


def _back(redirect_uri: str, values: Mapping[str, str]) -> Back:
    """Return the way to the client, by a query where the asked response mode is impossible."""
    posts = values.get("response_mode") == FORM_POST and redirect_uri.startswith(_HTTP)
    state = values.get("state")
    return Back(
        redirect_uri=redirect_uri,
        # the answer to a request whose `state` is too long does without
        state=None if state is None or len(state) > _LONGEST_STATE else state,
        response_mode=FORM_POST if posts else QUERY,
    )


def _refusal(client: Client, values: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the error and its description, None for a request that may go on."""
    for name in ("request", "request_uri", "registration"):
        if name in values:
            return f"{name}_not_supported", f"{name} is not supported."
    if "response_type" not in values:
        return "invalid_request", "response_type is missing."
    if values["response_type"] != "code":
        return "unsupported_response_type", "response_type must be code."
    if CODE not in client.grants:
        return "unauthorized_client", "The client is not registered for this grant type."
    return (
        _refused_mode(values)
        or _refused_pkce(client, values)
        or _refused_scope(client, values)
        or _refused_rest(values)
    )


def _refused_mode(values: Mapping[str, str]) -> tuple[str, str] | None:
    mode = values.get("response_mode", QUERY)
    if mode not in RESPONSE_MODES:
        return "invalid_request", "response_mode must be query or form_post."
    if mode == FORM_POST and not values["redirect_uri"].startswith(_HTTP):
        return "invalid_request", "A redirect URI with a scheme of its own takes no form_post."
    return None


def _refused_pkce(client: Client, values: Mapping[str, str]) -> tuple[str, str] | None:
    if "code_challenge" not in values:
        if client.pkce:
            return "invalid_request", "code_challenge is missing: PKCE is required."
        if "code_challenge_method" in values:
            return "invalid_request", "code_challenge is missing, and its method is not."
        return None
    if values.get("code_challenge_method", "plain") != "S256":
        return "invalid_request", "code_challenge_method must be S256."
    if not _CHALLENGE.fullmatch(values["code_challenge"]):
        return "invalid_request", "code_challenge is no SHA-256 in base64url."
    return None


def _refused_scope(client: Client, values: Mapping[str, str]) -> tuple[str, str] | None:
    asked = scopes.split(values.get("scope", ""))
    if not asked:
        return "invalid_scope", "scope is missing."
    if not set(asked) <= set(client.scopes):
        return "invalid_scope", "The client is not registered for all of these scopes."
    return None


def _refused_rest(values: Mapping[str, str]) -> tuple[str, str] | None:
    prompts = set(values.get("prompt", "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        return "invalid_request", "prompt must be none, or some of login, consent, select_account."
    age = values.get("max_age", "0")
    if not (age.isascii() and age.isdigit() and len(age) <= _LONGEST_AGE):
        return "invalid_request", "max_age must be a number of seconds."
    if "dpop_jkt" in values and not _CHALLENGE.fullmatch(values["dpop_jkt"]):
        return "invalid_request", "dpop_jkt is no SHA-256 in base64url."
    if len(values.get("nonce", "")) > _LONGEST_NONCE:
        return "invalid_request", "nonce is too long."
    return None


def wants_identity(scope: str) -> bool:
    """Return whether the request asks for an ID token."""
    return scopes.covers(scope, [OPENID])
