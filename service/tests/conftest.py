from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import Server, make_key


@pytest.fixture(scope="session", name="key")
def _key() -> str:
    return make_key()


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory, key: str) -> Iterator[Server]:
    """Give a running server that the tests of a module share."""
    server = Server(data=tmp_path_factory.mktemp("data"), key=key)
    server.start()
    yield server
    server.stop()


@pytest.fixture(name="own")
def _own(tmp_path: Path, key: str) -> Iterator[Server]:
    """Give a server that a test may stop, starve or break; it is not started yet."""
    server = Server(data=tmp_path, key=key)
    yield server
    server.stop()


@pytest.fixture(name="client")
def _client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client
