"""Several processes of the service on one PostgreSQL database, as replicas on a cluster."""

import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from applications import Browser
from running import NO_TLS, Server


class InTurn(httpx.BaseTransport):
    """Sends each request to the next replica, as a load balancer may."""

    def __init__(self, replicas: list[Server]) -> None:
        self._replicas = itertools.cycle(replicas)
        self._transport = httpx.HTTPTransport(verify=NO_TLS)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(port=next(self._replicas).port)
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()


@contextmanager
def running(
    folder: Path, key: str, database: str, settings: Mapping[str, str], count: int = 3
) -> Iterator[list[Server]]:
    """Yield replicas that were all started at the same moment, on an empty database."""
    replicas = []
    for number in range(count):
        data = folder / str(number)
        data.mkdir()
        replicas.append(Server(data=data, key=key, database=database, settings=settings))
    with ExitStack() as stack:
        for replica in replicas:
            stack.callback(replica.stop)
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(Server.start, replicas))
        yield replicas


def client_of(replicas: list[Server]) -> httpx.Client:
    """Return a client whose requests go to one replica after the other."""
    return httpx.Client(base_url=replicas[0].url, timeout=30, transport=InTurn(replicas))


def browser_of(replicas: list[Server]) -> Browser:
    """Return a browser whose requests go to one replica after the other."""
    browser = Browser(replicas[0].url)
    browser.client.close()
    browser.client = client_of(replicas)
    return browser


def at_once(replicas: list[Server], path: str, **request: object) -> list[int]:
    """Send a request to every replica at the same moment; return the statuses."""

    def send(replica: Server) -> int:
        return httpx.post(
            f"{replica.url}{path}",
            timeout=30,
            verify=NO_TLS,
            **request,  # type: ignore[arg-type]
        ).status_code

    with ThreadPoolExecutor(len(replicas)) as pool:
        return sorted(pool.map(send, replicas))
