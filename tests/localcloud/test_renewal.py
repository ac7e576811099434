"""The certificate of a load balancer, by a real CA, the real service and the real configuration."""

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from running import Server, free_port, make_key

from components import acme_account
from stack import renewal, secrets
from stack.certificate import Certificate
from stack.errors import StackError
from stack.stack import Stack
from tests.localcloud import acme_ca
from tests.localcloud.acme_ca import Ca
from tests.localcloud.served import REPOSITORY
from toolchain import engine

DOMAIN = "auth.example.test"


@pytest.fixture(scope="module", name="account_key")
def _account_key() -> str:
    return secrets.signing_key()


@pytest.fixture(scope="module", name="service")
def _service(tmp_path_factory: pytest.TempPathFactory, account_key: str) -> Iterator[Server]:
    """Yield the service as behind a load balancer that has no certificate yet."""
    server = Server(
        data=tmp_path_factory.mktemp("service"),
        key=make_key(),
        settings={
            "AUTH_ISSUER": f"https://{DOMAIN}",
            "AUTH_HTTPS_ONLY": "true",
            "AUTH_ACME_THUMBPRINT": acme_account.thumbprint(account_key),
        },
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module", name="ca")
def _ca(tmp_path_factory: pytest.TempPathFactory, service: Server) -> Iterator[Ca]:
    with acme_ca.running(tmp_path_factory.mktemp("ca"), http_port=service.port) as ca:
        yield ca


@pytest.fixture(name="stack")
def _stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ca: Ca, service: Server, account_key: str
) -> Stack:
    """Return a stack on a cluster, whose account at the CA the service knows."""
    # our own question for a challenge has to find the service as well
    monkeypatch.setenv("http_proxy", service.url)
    # urllib reads the proxy at its first question in a process, which another test may have asked
    monkeypatch.setattr(urllib.request, "_opener", None)
    schema = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())
    project = {"name": "auth", "runtime": "python", "config": schema["config"]}
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    env = {
        **os.environ,
        "PATH": f"{engine.ensure(REPOSITORY)}:{os.environ['PATH']}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    stack = Stack(name="prod", clone=tmp_path, env=env)
    stack.create()
    values = {"platform": "cluster", "domain": DOMAIN, "acmeDirectory": ca.directory}
    for key, value in values.items():
        stack.configuration.set_value(f"auth:{key}", value)
    stack.configuration.set_text("auth:acmeRoots", ca.roots)
    stack.configuration.set_secret("acmeAccountKey", account_key)
    return stack


def stored(stack: Stack) -> Certificate:
    return Certificate.read(stack.configuration.values()["auth:certificate"])


def test_a_certificate_is_issued_kept_while_it_is_young_and_renewed_in_its_last_third(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    renewal.run(stack, update=False)
    first = stored(stack)
    values = stack.configuration.values()
    assert first.names == (DOMAIN,)
    assert first.belongs_to(values["auth:certificateKey"])
    assert "PRIVATE KEY" not in stack.configuration.file.read_text(), "the key is not encrypted"
    assert "89 days" in capsys.readouterr().out

    renewal.run(stack, update=False)
    assert stored(stack) == first
    assert "there is nothing to do" in capsys.readouterr().out

    monkeypatch.setattr(renewal, "now", lambda: first.renewal + timedelta(seconds=1))
    renewal.run(stack, update=False)
    assert stored(stack) != first
    assert stored(stack).belongs_to(stack.configuration.values()["auth:certificateKey"])


@pytest.mark.parametrize("change", ["certificateKey", "domain"])
def test_a_certificate_with_another_key_or_of_another_name_is_replaced(
    stack: Stack, change: str
) -> None:
    renewal.run(stack, update=False)
    first = stored(stack)
    if change == "certificateKey":
        # as a run leaves it that was killed between both
        stack.configuration.set_secret("certificateKey", secrets.signing_key())
    else:
        stack.configuration.set_value("auth:domain", "login.example.test")

    renewal.run(stack, update=False)

    values = stack.configuration.values()
    assert stored(stack) != first
    assert stored(stack).names == (values["auth:domain"],)
    assert stored(stack).belongs_to(values["auth:certificateKey"])


def test_a_service_that_would_fail_the_challenge_is_named_before_the_ca_is_asked(
    stack: Stack,
) -> None:
    stack.configuration.set_secret("acmeAccountKey", secrets.signing_key())

    with pytest.raises(StackError, match=r"answers for another account.*make up STACK=prod"):
        renewal.run(stack, update=False)

    assert "auth:certificate" not in stack.configuration.names()


def test_a_proof_that_fails_is_told_in_the_words_of_the_ca(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The name leads elsewhere for the CA than for this machine."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with acme_ca.running(folder, http_port=free_port()) as other:
        stack.configuration.set_value("auth:acmeDirectory", other.directory)
        stack.configuration.set_text("auth:acmeRoots", other.roots)

        with pytest.raises(StackError, match=r"could not prove auth\.example\.test.*refused"):
            renewal.run(stack, update=False)


def test_a_ca_that_does_not_answer_is_named(stack: Stack) -> None:
    directory = f"https://127.0.0.1:{free_port()}/dir"
    stack.configuration.set_value("auth:acmeDirectory", directory)

    with pytest.raises(StackError, match=f"{directory} gave no usable answer"):
        renewal.run(stack, update=False)


def test_a_stack_without_a_domain_is_refused(stack: Stack) -> None:
    stack.configuration.set_value("auth:domain", "")

    with pytest.raises(StackError, match="auth:domain is empty"):
        renewal.run(stack, update=False)


def test_the_thumbprint_is_that_of_the_standard() -> None:
    """As the CA's own client computes it."""
    key = secrets.signing_key()
    program = (
        "import sys; from cryptography.hazmat.primitives.serialization import load_pem_private_key"
        " as load; from josepy.jwk import JWKEC; from josepy.json_util import encode_b64jose as b;"
        "print(b(JWKEC(key=load(sys.stdin.buffer.read(), None)).thumbprint()))"
    )
    command = [str(REPOSITORY / ".venv" / "bin" / "python"), "-c", program]
    theirs = subprocess.run(command, input=key, capture_output=True, text=True, check=True)

    assert acme_account.thumbprint(key) == theirs.stdout.strip()
