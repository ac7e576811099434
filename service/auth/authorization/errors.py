"""The error of OAuth's own endpoints (RFC 6749 §5.2)."""

from collections.abc import Mapping


class OAuthError(Exception):
    """Ends a request with an error; `error` is a code of the RFC, `description` is ours."""

    def __init__(
        self,
        error: str,
        description: str,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.error, self.description = error, description
        self.status, self.headers = status, headers
