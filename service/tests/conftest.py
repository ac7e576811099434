import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from applications import Browser
from auth.service import Service
from auth.settings import Settings
from counting import Work
from databases import POSTGRESQL, SQLITE, Postgres
from running import NO_TLS, Server, make_key
from upstreams import Person, running, running_upstream, trusting
from users import User

NewUrl = Callable[[Path], str]


@pytest.fixture(scope="session", name="key")
def _key() -> str:
    return make_key()


@pytest.fixture(scope="session", name="postgres")
def _postgres() -> Iterator[Postgres]:
    # Other users can't read pytest's folders, and the server runs as another user.
    with tempfile.TemporaryDirectory(prefix="auth-postgres-") as folder:
        server = Postgres(Path(folder))
        server.create()
        yield server
        server.stop()


@pytest.fixture(scope="session", params=[SQLITE, POSTGRESQL], name="new_url")
def _new_url(request: pytest.FixtureRequest) -> NewUrl:
    """Return a function that makes an empty database and returns its URL: once with each kind."""
    if request.param == SQLITE:
        return lambda folder: f"sqlite:///{folder}/auth.sqlite"
    postgres: Postgres = request.getfixturevalue("postgres")
    return lambda _: postgres.new_database()


@pytest.fixture(name="url")
def _url(new_url: NewUrl, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    return new_url(tmp_path)


@pytest.fixture(scope="module", name="server")
def _server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    key: str,
    new_url: NewUrl,
) -> Iterator[Server]:
    """Yield a running server with the module's SERVER_SETTINGS, shared by its tests."""
    folder = tmp_path_factory.mktemp("data")
    settings = getattr(request.module, "SERVER_SETTINGS", {})
    server = Server(data=folder, key=key, database=new_url(folder), settings=settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture(name="own_server")
def _own_server(tmp_path: Path, key: str, new_url: NewUrl) -> Iterator[Server]:
    """Yield a server that is not started yet, and that a test may stop, starve or break."""
    server = Server(data=tmp_path, key=key, database=new_url(tmp_path))
    yield server
    server.stop()


@pytest.fixture(name="on_sqlite")
def _on_sqlite(tmp_path: Path, key: str) -> Iterator[Server]:
    """Yield such a server on SQLite, for faults of files and for tests without a database."""
    server = Server(data=tmp_path, key=key)
    yield server
    server.stop()


@pytest.fixture(name="on_postgres")
def _on_postgres(on_sqlite: Server, postgres: Postgres) -> Server:
    """Return a server with the same data folder, on an empty PostgreSQL database."""
    return Server(data=on_sqlite.data, key=on_sqlite.key, database=postgres.new_database())


@pytest.fixture(name="service")
def _service(url: str, tmp_path: Path, key: str) -> Iterator[Service]:
    """Yield the service in the test's own process, for tests that count its work."""
    server = Server(data=tmp_path, key=key, database=url)
    (tmp_path / "key.pem").write_text(key)
    service = Service.open(Settings.from_environment(server.environment))
    yield service
    service.close()


@pytest.fixture(name="work")
def _work(monkeypatch: pytest.MonkeyPatch) -> Work:
    work = Work()
    monkeypatch.setattr("auth.crypto.passwords.argon2id", work)
    return work


@pytest.fixture(name="client")
def _client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30, verify=NO_TLS) as client:
        yield client


@pytest.fixture(name="user")
def _user(client: httpx.Client) -> User:
    return User.registered(client)


@pytest.fixture(name="stranger")
def _stranger(server: Server) -> Iterator[Browser]:
    """Yield a browser without a sign-in."""
    with Browser(server.url) as browser:
        yield browser


@pytest.fixture(name="browser")
def _browser(server: Server, user: User) -> Iterator[Browser]:
    """Yield a browser that is signed in as the user."""
    with Browser(server.url) as browser:
        browser.sign_in(user)
        yield browser


@pytest.fixture(scope="session", name="upstream")
def _upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a second instance of the service, which signs users in for `ours`."""
    with running_upstream(tmp_path_factory.mktemp("upstream")) as server:
        yield server


@pytest.fixture(scope="module", name="ours")
def _ours(
    upstream: Server, tmp_path_factory: pytest.TempPathFactory, new_url: NewUrl
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("ours")
    with running(folder, trusting(upstream.url), database=new_url(folder)) as server:
        yield server


@pytest.fixture(name="person")
def _person(ours: Server, upstream: Server) -> Iterator[Person]:
    with Person(ours, upstream) as person:
        yield person


@pytest.fixture(name="another")
def _another(ours: Server, upstream: Server) -> Iterator[Person]:
    with Person(ours, upstream) as person:
        yield person
