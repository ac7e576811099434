"""The certificate of a cluster's load balancer: issued, renewed, and stored in the configuration.

A run that was killed is finished by the next run.
"""

import contextlib
import secrets as random
import socket
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from common.progress import step
from components import acme_account, advice
from stack import secrets
from stack.certificate import Certificate, now
from stack.errors import StackError
from stack.stack import Stack

_CHALLENGES = "/.well-known/acme-challenge"
_HTTPS_PORT = 443
_ANSWERED_SECONDS = 60
_SERVED_SECONDS = 180
_PAUSE_SECONDS = 2.0


def run(stack: Stack, *, update: bool) -> int:
    """Renew the certificate if a third of its life or less is left, or there is none.

    With `update` the load balancer gets it at once; without, the next `make up` brings it.
    """
    values = stack.configuration.values()
    domain = _domain(stack, values)
    present = _present(values, domain)
    if present and now() < present.renewal:
        print(
            f"{present.line(now())}. It is renewed from {present.renewal:%Y-%m-%d} on, when a "
            "third of its life is left: there is nothing to do."
        )
        return 0
    account_key = values.get("auth:acmeAccountKey", "")
    if not account_key:
        account_key = secrets.signing_key()  # the same kind
        with step("Make the key of an account at the CA"):
            stack.configuration.set_secret("acmeAccountKey", account_key)
    _let_answer(stack, domain, acme_account.thumbprint(account_key), update=update)
    private_key = secrets.signing_key()
    with step(f"Ask the CA for a certificate of {domain}"), _authority(values) as authority:
        from stack import acme_order  # noqa: PLC0415 - 200 ms that only an order needs

        chain = acme_order.certificate(
            acme_order.Authority(**authority),
            account_key=account_key,
            private_key=private_key,
            domain=domain,
        )
    # a run that is killed in between leaves a pair that does not belong together: the next run
    # takes it for none
    stack.configuration.set_secret("certificateKey", private_key)
    stack.configuration.set_text("auth:certificate", chain)
    issued = Certificate.read(chain)
    if update:
        stack.up()
        with step(f"Wait until {domain} serves it"):
            _wait_until_served(domain, issued)
    print(f"Done: {issued.line(now())}.")
    print(
        f"Commit {stack.configuration.file.name}: a deployment of the former file would bring the "
        "former certificate back."
        if stack.configuration.file.parent == stack.clone
        else "The certificate is in the configuration of this machine."
    )
    return 0


def _domain(stack: Stack, values: dict[str, str]) -> str:
    if not (domain := values.get("auth:domain", "")):
        raise StackError(
            "auth:domain is empty, and a certificate is for a name. Set it, and let the name lead "
            "to the load balancer, the output `url`: pulumi config set auth:domain NAME "
            f"--stack {stack.name}"
        )
    return domain


def _present(values: dict[str, str], domain: str) -> Certificate | None:
    """Return the certificate of the configuration, None unless it could serve the domain."""
    present = Certificate.found(values.get("auth:certificate", ""))
    if present is None:
        return None
    is_whole = present.belongs_to(values.get("auth:certificateKey", ""))
    return present if is_whole and domain in present.names else None


@contextlib.contextmanager
def _authority(values: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield the CA of the configuration as fields of `acme_order.Authority`."""
    chosen = {"directory": values.get("auth:acmeDirectory", "")}
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        if roots := values.get("auth:acmeRoots", ""):
            file.write(roots)
            file.flush()
            chosen["roots"] = file.name
        yield {name: value for name, value in chosen.items() if value}


def _let_answer(stack: Stack, domain: str, thumbprint: str, *, update: bool) -> None:
    """Make sure that the service at the domain answers challenges of the account.

    The CA counts failed proofs, and locks the name after five in an hour.
    """
    problem = _problem(domain, thumbprint)
    if problem and update:
        print(f"The service does not answer challenges of the account yet: {problem}", flush=True)
        stack.up()
        deadline = time.monotonic() + _ANSWERED_SECONDS
        with step(f"Wait until http://{domain} answers challenges"):
            while (problem := _problem(domain, thumbprint)) and time.monotonic() < deadline:
                time.sleep(1)
    if problem:
        raise StackError(
            f"http://{domain} does not answer the challenges of a CA: {problem} The name must lead "
            "to the load balancer of this stack, whose service has the account's key "
            f"(auth:acmeAccountKey) since an update: {advice.make('up', stack.name)}. Then repeat: "
            f"{advice.make('renew', stack.name)}"
        )


def _problem(domain: str, thumbprint: str) -> str:
    """Return the reason why the service at the domain would fail a challenge, "" if it passes."""
    token = random.token_urlsafe(32)
    url = f"http://{domain}{_CHALLENGES}/{token}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read(1024).decode("latin-1").strip()
    except urllib.error.HTTPError as error:
        return f"it answers {error.code}."
    except OSError as error:
        return f"{getattr(error, 'reason', error)}."
    return "" if text == f"{token}.{thumbprint}" else "it answers for another account."


def _wait_until_served(domain: str, issued: Certificate) -> None:
    """Raise StackError unless the load balancer soon serves the certificate."""
    deadline, last = time.monotonic() + _SERVED_SECONDS, "nothing"
    context = ssl.create_default_context()
    # any CA: the certificate itself is compared
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while time.monotonic() < deadline:
        try:
            with (
                socket.create_connection((domain, _HTTPS_PORT), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname=domain) as served,
            ):
                if served.getpeercert(binary_form=True) == issued.der:
                    return
                last = "another certificate"
        except OSError as error:
            last = str(error)
        time.sleep(_PAUSE_SECONDS)
    raise StackError(
        f"https://{domain} does not serve the new certificate after {_SERVED_SECONDS} s: {last}. "
        "It is in the configuration, so an update brings it."
    )
