"""GitHub as an upstream: OAuth 2.0 with PKCE, and its API for the user (GitHub has no ID tokens).

The API answers for the token that GitHub gave for our code, over TLS: that takes the place of the
ID token. GitHub Enterprise has the same paths at its own address.
"""

from typing import Any
from urllib.parse import urlencode, urlsplit

from auth.crypto import secret_tokens
from auth.thread_pool import Pool
from auth.upstreams import web
from auth.upstreams.configuration import Upstream
from auth.upstreams.openid import run, text_of
from auth.upstreams.providers import Attempt, UpstreamUser
from auth.upstreams.web import UpstreamError

SCOPE = "read:user user:email"
_PUBLIC, _TENANTS = "github.com", ".ghe.com"
_API = {"X-GitHub-Api-Version": "2022-11-28", "Accept": "application/vnd.github+json"}


class GitHubProvider:
    """Signs users in with github.com or a GitHub Enterprise server; nothing has to be discovered.

    GitHub does not say when its user signed in, so such a sign-in never counts as recent.
    """

    def __init__(self, upstream: Upstream, secret: str, pool: Pool) -> None:
        self.upstream = upstream
        self._secret, self._pool = secret, pool
        self._url, self._api = upstream.issuer.rstrip("/"), api_of(upstream.issuer)

    async def address(self, attempt: Attempt) -> str:
        query = {
            "client_id": self.upstream.client_id,
            "redirect_uri": attempt.redirect_uri,
            "response_type": "code",
            "scope": SCOPE,
            "state": attempt.state,
            "code_challenge": secret_tokens.hashed(attempt.verifier),
            "code_challenge_method": "S256",
        }
        return f"{self._url}/login/oauth/authorize?{urlencode(query)}"

    async def has_sent(self, issuer: str | None) -> bool:
        """Return whether an answer may be from GitHub, whose answers have its OAuth issuer or none.

        Its redirect URI is of no other upstream.
        """
        return issuer in {None, self.upstream.issuer, f"{self._url}/login/oauth"}

    async def user(self, attempt: Attempt, code: str) -> UpstreamUser:
        return await run(self._pool, lambda: self._user(attempt, code))

    def _user(self, attempt: Attempt, code: str) -> UpstreamUser:
        form = {
            "client_id": self.upstream.client_id,
            "client_secret": self._secret,
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        tokens = web.fetch_object(f"{self._url}/login/oauth/access_token", form=form)
        token = text_of(tokens, "access_token")
        if not token:
            raise UpstreamError("there is no access token")
        headers = {**_API, "Authorization": f"Bearer {token}"}
        about = web.fetch_object(f"{self._api}/user", headers=headers)
        number = about.get("id")
        # a login can be renamed and given to somebody else; the number stays
        if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
            raise UpstreamError("the user has no id")
        return UpstreamUser(
            issuer=self.upstream.issuer,
            subject=str(number),
            email=_confirmed(web.fetch(f"{self._api}/user/emails", headers=headers)),
            name=text_of(about, "name") or text_of(about, "login"),
            authenticated_at=None,
        )


def api_of(url: str) -> str:
    """Return the address of the API that belongs to a GitHub.

    Source: docs.github.com, "Getting started with the REST API", of each kind of GitHub.
    """
    parts = urlsplit(url)
    if parts.netloc == _PUBLIC or parts.netloc.endswith(_TENANTS):
        return f"{parts.scheme}://api.{parts.netloc}"
    return f"{url.rstrip('/')}/api/v3"


def _confirmed(emails: Any) -> str:
    """Return the primary address if the user has confirmed it, else ""."""
    entries = [one for one in emails if isinstance(one, dict)] if isinstance(emails, list) else []
    for entry in entries:
        if entry.get("primary") is True and entry.get("verified") is True:
            return text_of(entry, "email")
    return ""
