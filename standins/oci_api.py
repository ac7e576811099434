"""Oracle Cloud's API as the `oci` stand-in calls it: signed by Oracle's SDK, retried, polled."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from common import client_hosts
from standins.resource import Context, ProviderError
from standins.values import Properties

_REQUEST_SECONDS = 60
_CREDENTIALS = ("tenancyOcid", "userOcid", "fingerprint", "region")
# How long an answer that may pass is asked for again, in seconds, by HTTP status.
_RETRY_SECONDS = {409: 30, 429: 120, 500: 60, 502: 60, 503: 60, 504: 60}
# How long a request without an answer is repeated, if it changes nothing.
_DROPPED_SECONDS = 20
# Refusals that a repetition does not change, with any status.
_FINAL = ("InvalidatedRetryToken", "NoEtagMatch", "Out of host capacity")
_NOT_FOUND = 404
_SUGGESTIONS = {
    "LimitExceeded": "Request a service limit increase, or ask for less.",
    "NotAuthenticated": "Check the user, the fingerprint, the private key and the clock here.",
    "NotAuthorizedOrNotFound": (
        "Either the resource has been deleted or the policies do not allow the operation."
    ),
}


@dataclass(frozen=True)
class Client:
    """A client of a service: its name in the official provider, its host, the API's version.

    Source of the host and the version: the client of that name in Oracle's Python SDK.
    """

    name: str
    host: str  # before the region's domain, as `iaas.{region}`
    version: str = "20160918"


class Api:
    """A tenancy in a region. `config` is the provider's configuration.

    Each wait ends early, by ProviderError, once `cancelled` is set.
    """

    def __init__(self, config: Mapping[str, Any], cancelled: threading.Event) -> None:
        missing = [name for name in _CREDENTIALS if not config.get(name)]
        if missing:
            raise ProviderError(f"oci:{missing[0]} is not set; it is needed to sign requests")
        if config.get("auth", "ApiKey") != "ApiKey":
            raise ProviderError(
                f"oci:auth is {config['auth']!r}; the stand-in for the oci plugin signs with an "
                "API key only"
            )
        import requests  # noqa: PLC0415 - takes longer than the rest of the plugin's start
        from oci.signer import Signer  # noqa: PLC0415

        try:
            self._signer = Signer(
                config["tenancyOcid"],
                config["userOcid"],
                config["fingerprint"],
                config.get("privateKeyPath"),
                private_key_content=config.get("privateKey"),
            )
        except Exception as error:
            # every error of the SDK may quote the key
            raise ProviderError(
                "oci:privateKey or oci:privateKeyPath holds no usable API key"
            ) from error
        self._cancelled = cancelled
        self._session = requests.Session()
        self._session.trust_env = False
        self._region = config["region"]
        self._overrides = client_hosts.read(os.environ.get("CLIENT_HOST_OVERRIDES", ""))

    def endpoint(self, client: Client) -> str:
        """Return a client's address: that of CLIENT_HOST_OVERRIDES, else the region's."""
        address = self._overrides.get(client.name) or self._official_endpoint(client)
        return f"{address.rstrip('/')}/{client.version}"

    def _official_endpoint(self, client: Client) -> str:
        from oci.regions import endpoint_for  # noqa: PLC0415 - not needed on the emulated cloud

        template = f"https://{client.host}.{{secondLevelDomain}}"
        return str(endpoint_for(client.name, self._region, service_endpoint_template=template))

    def call(
        self,
        client: Client,
        method: str,
        path: str,
        *,
        body: Properties | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """Make a request and return the answer's body; None if the resource is not there.

        Only GET and DELETE take 404 for an answer. Raises ProviderError as the official provider
        words it.
        """
        url = f"{self.endpoint(client)}{path}"
        answer = self._answer(method, url, body, query)
        if answer.ok:
            return answer.json() if answer.content else {}
        if answer.status_code == _NOT_FOUND and method in {"GET", "DELETE"}:
            return None
        raise ProviderError(describe(answer, method, url))

    def begin(self, client: Client, method: str, path: str, body: Properties) -> str:
        """Make a request whose answer is a work request; return the OCID of that."""
        url = f"{self.endpoint(client)}{path}"
        answer = self._answer(method, url, body, None)
        if not answer.ok:
            raise ProviderError(describe(answer, method, url))
        return str(answer.headers["opc-work-request-id"])

    def list(self, client: Client, path: str, query: Mapping[str, Any]) -> list[Properties]:
        """List everything, page by page."""
        url, items, page = f"{self.endpoint(client)}{path}", [], None
        while True:
            page_query = {**query, **({"page": page} if page else {})}
            answer = self._answer("GET", url, None, page_query)
            if not answer.ok:
                raise ProviderError(describe(answer, "GET", url))
            items += answer.json()
            page = answer.headers.get("opc-next-page")
            if not page:
                return items

    def wait(
        self,
        look: Callable[[], Properties | None],
        *,
        ready: frozenset[str],
        seconds: float,
        what: str,
    ) -> Properties | None:
        """Look until the resource's state is in `ready`, if that names any; None if it is gone.

        Raises ProviderError if it ends up elsewhere or takes longer than `seconds`.
        """
        deadline, pause = time.monotonic() + seconds, 0.2
        while True:
            resource = look()
            state = (resource or {}).get("lifecycleState", "gone")
            if resource is None or not ready or state in ready:
                return resource
            if state in {"FAILED", "FAULTY", "TERMINATED", "DETACHED"}:
                raise ProviderError(f"{what} ended up {state}, not {' or '.join(sorted(ready))}")
            if time.monotonic() > deadline:
                raise ProviderError(f"{what} is still {state} after {seconds:.0f} s")
            if self._cancelled.wait(pause):
                raise ProviderError(f"cancelled while {what} was {state}")
            pause = min(pause * 1.5, 5)

    def _answer(
        self, method: str, url: str, body: Properties | None, query: Mapping[str, Any] | None
    ) -> Any:
        """Send a request, and repeat it after a passing failure."""
        import requests  # noqa: PLC0415

        started, pause = time.monotonic(), 0.5
        while True:
            answer, dropped = None, None
            try:
                answer = self._send(method, url, body, query)
                patience = _patience(answer)
            except requests.RequestException as error:
                dropped = error
                patience = _DROPPED_SECONDS if method == "GET" else 0
            if time.monotonic() - started + pause > patience or self._cancelled.wait(pause):
                break
            pause = min(pause * 2, 8)
        if dropped is not None:
            raise ProviderError(f"{method} {url}: the cloud does not answer ({dropped})")
        return answer

    def _send(
        self, method: str, url: str, body: Properties | None, query: Mapping[str, Any] | None
    ) -> Any:
        return self._session.request(
            method, url, json=body, params=query, auth=self._signer, timeout=_REQUEST_SECONDS
        )


def _patience(answer: Any) -> float:
    """Return for how many seconds to ask again after an answer."""
    if answer.ok or any(reason in answer.text for reason in _FINAL):
        return 0
    return _RETRY_SECONDS.get(answer.status_code, 0)


@lru_cache(maxsize=4)
def _api(config: tuple[tuple[str, Any], ...], cancelled: threading.Event) -> Api:
    return Api(dict(config), cancelled)


def of(context: Context) -> Api:
    """Return the API for a configuration, each time the same: it keeps its connections."""
    texts = ((key, value) for key, value in context.config.items() if isinstance(value, str))
    return _api(tuple(sorted(texts)), context.cancelled)


def describe(answer: Any, method: str, url: str) -> str:
    """Word a refusal as the official provider does."""
    try:
        said = answer.json()
        code, message = said["code"], said["message"]
    except (ValueError, KeyError, TypeError):
        code, message = answer.reason, answer.text[:500]
    lines = [f"{answer.status_code}-{code}, {message}"]
    if code in _SUGGESTIONS:
        lines.append(f"Suggestion: {_SUGGESTIONS[code]}")
    lines += [
        f"Request Target: {method} {url}",
        f"OPC request ID: {answer.headers.get('opc-request-id', '')}",
    ]
    return "\n".join(lines)
