"""Several replicas: a passkey and another provider, begun at one and answered at the next."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import chromium
import pytest
import replicas as running_replicas
from databases import Postgres
from running import Server, answering
from test_passkeys import Browser, amr, begin, register
from upstreams import Person, trusting
from users import User


@pytest.fixture(scope="module", name="origin")
def _origin() -> Iterator[str]:
    """Yield an origin with an empty page, where a browser asks for passkeys."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with answering(server):
        yield f"http://localhost:{server.server_port}"


def test_a_passkey_is_made_and_used_through_two_replicas(
    origin: str, postgres: Postgres, key: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chromium.ensure()
    folder, url = tmp_path_factory.mktemp("passkeys"), postgres.new_database()
    settings = {"AUTH_ISSUER": origin}
    with (
        running_replicas.running(folder, key, url, settings, count=2) as replicas,
        running_replicas.client_of(replicas) as client,
        chromium.browser() as driver,
    ):
        driver.set_script_timeout(20)
        driver.get(origin)
        with chromium.authenticator(driver):
            device, ada = Browser(driver), User.signed_in(client)

            # each is two requests: the options of one replica are answered at the other
            made = register(ada, device)
            answer = client.post("/v1/auth/login/passkey", json=begin(client, device))

    assert made.status_code == 201, made.text
    assert answer.status_code == 200, answer.text
    assert "mfa" in amr(answer.json())


def test_a_user_comes_back_from_another_provider_to_the_next_replica(
    upstream: Server, postgres: Postgres, key: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, url = tmp_path_factory.mktemp("upstream"), postgres.new_database()
    settings = trusting(upstream.url)
    with (
        running_replicas.running(folder, key, url, settings, count=2) as replicas,
        Person(replicas[0], upstream) as person,
    ):
        person.here.client.close()
        person.here = running_replicas.browser_of(replicas)
        user = person.registers_there()

        assert "You are signed in as" in person.signs_in().text
        assert person.email == user.email


def test_the_requests_of_a_test_reach_the_replicas_in_turn(
    postgres: Postgres, key: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, url = tmp_path_factory.mktemp("turns"), postgres.new_database()
    with (
        running_replicas.running(folder, key, url, {}, count=2) as replicas,
        running_replicas.client_of(replicas) as client,
    ):
        ports = [client.get("/healthz").request.url.port for _ in range(4)]

    assert ports == [replica.port for replica in replicas] * 2
