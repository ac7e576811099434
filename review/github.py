"""GitHub's REST API, as far as the review uses it: https://docs.github.com/en/rest."""

import time
from collections.abc import Collection, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Self

import httpx

from review.context import Context
from review.errors import ReviewError

BOT = "github-actions[bot]"  # the author of posts with the token of a workflow
_SECONDS = 30
_PASSING = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
_PAUSES = (0.5, 2.0, 5.0)


class GitHub:
    """The API with the token of the run."""

    def __init__(self, context: Context) -> None:
        if not (context.repository and context.token):
            raise ReviewError(
                "GITHUB_REPOSITORY and GITHUB_TOKEN must be set for calls to GitHub. In a "
                "workflow, give the step `env: {GITHUB_TOKEN: ${{ github.token }}}`."
            )
        self.repository = context.repository
        self._client = httpx.Client(
            base_url=context.api,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {context.token}",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            timeout=_SECONDS,
        )

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str, **query: str) -> Any:
        return self._send("GET", path, query=query).json()

    def find(self, path: str, **query: str) -> Any:
        """Return the answer; None if there is no such thing on GitHub."""
        answer = self._send("GET", path, query=query, fine={HTTPStatus.NOT_FOUND})
        return answer.json() if answer.is_success else None

    def see(self, path: str) -> Any:
        """Return the answer; None without the right to see it, or if it is not there."""
        answer = self._send("GET", path, fine={HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN})
        return answer.json() if answer.is_success else None

    def list(self, path: str, key: str = "", **query: str) -> Iterator[Any]:
        """List everything, page by page; under `key` where the API wraps its lists."""
        query = {"per_page": "100", **query}
        url: str | None = self.in_repository(path)
        while url:
            answer = self._send("GET", url, query=query)
            yield from answer.json()[key] if key else answer.json()
            url, query = answer.links.get("next", {}).get("url"), {}

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = self._send(method, path, body=body)
        return answer.json() if answer.content else None

    def in_repository(self, path: str) -> str:
        """Return a path of the API: inside the repository, unless it starts with a slash."""
        return path if path.startswith(("/", "http")) else f"/repos/{self.repository}/{path}"

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        fine: Collection[int] = (),
    ) -> httpx.Response:
        url = self.in_repository(path)
        for pause in (*_PAUSES, None):
            try:
                answer = self._client.request(method, url, json=body, params=query or None)
            except httpx.HTTPError as error:
                raise ReviewError(f"GitHub does not answer {method} {url}: {error}") from None
            if answer.is_success or answer.status_code in fine:
                return answer
            if answer.status_code not in _PASSING or pause is None:
                break
            time.sleep(pause)
        raise ReviewError(
            f"GitHub answers {answer.status_code} to {method} {url}: {_message(answer)}"
        )


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message", ""))
    except (ValueError, AttributeError):
        return answer.text[:200]
