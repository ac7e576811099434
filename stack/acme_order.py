"""An order of a certificate at a CA (ACME, RFC 8555), by certbot's client.

The challenge is HTTP-01. The service answers it at each of its processes, by the account's
thumbprint alone, so an order tells nobody of its challenge.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import requests
from acme import challenges, client, crypto_util, errors, messages
from cryptography.hazmat.primitives import serialization
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from stack.errors import StackError

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_AGENT = "auth-on-oci"
_SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A CA: the URL of its directory, and a file of the certificates that sign that URL's HTTPS.

    `roots` is "" for the CAs of this machine.
    """

    directory: str = LETS_ENCRYPT
    roots: str = ""


def certificate(authority: Authority, *, account_key: str, private_key: str, domain: str) -> str:
    """Return a new certificate of a domain with those that sign it, in PEM.

    The keys are in PEM, the account's an EC key on P-256. The account is made if the CA does not
    know the key, which agrees to the CA's terms. Raise StackError with the CA's own words.
    """
    try:
        return _issued(authority, account_key, private_key, domain)
    except errors.ValidationError as error:
        raise StackError(_refusal(error, domain)) from None
    except errors.TimeoutError:
        raise StackError(
            f"{authority.directory} issued no certificate for {domain} within {_SECONDS} s. "
            "The command can be repeated."
        ) from None
    except messages.Error as error:
        raise StackError(f"{authority.directory} refused the order: {error.detail}") from None
    except (errors.Error, requests.RequestException) as error:
        raise StackError(f"{authority.directory} gave no usable answer: {error}") from None


def _issued(authority: Authority, account_key: str, private_key: str, domain: str) -> str:
    key = JWKEC(key=serialization.load_pem_private_key(account_key.encode(), None))
    network = client.ClientNetwork(key, alg=ES256, user_agent=_AGENT)
    if authority.roots:
        # requests, which takes it, also takes a file of certificates
        network.verify_ssl = authority.roots  # type: ignore[assignment]
    ca = client.ClientV2(client.ClientV2.get_directory(authority.directory, network), network)
    _log_in(ca, network)
    order = ca.new_order(crypto_util.make_csr(private_key.encode(), [domain]))
    for authorization in order.authorizations:
        if authorization.body.status == messages.STATUS_VALID:
            continue  # proved lately
        by_http = [
            offered
            for offered in authorization.body.challenges
            if isinstance(offered.chall, challenges.HTTP01)
        ]
        if not by_http:
            raise StackError(f"{authority.directory} offers no challenge by HTTP for {domain}.")
        ca.answer_challenge(by_http[0], by_http[0].response(key))
    # acme compares it with datetime.now() without a zone
    deadline = datetime.now() + timedelta(seconds=_SECONDS)  # noqa: DTZ005
    return str(ca.poll_and_finalize(order, deadline).fullchain_pem)


def _log_in(ca: client.ClientV2, network: client.ClientNetwork) -> None:
    """Take the account of the key, which is made if there is none."""
    try:
        ca.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
    except errors.ConflictError as known:
        network.account = messages.RegistrationResource(
            body=messages.Registration(), uri=known.location
        )


def _refusal(error: errors.ValidationError, domain: str) -> str:
    reasons = [
        str(challenge.error.detail)
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None
    ]
    return (
        f"The CA could not prove {domain}, which it asks by plain HTTP on port 80: "
        f"{'; '.join(reasons)}. The name must lead to the load balancer of this stack, and "
        "auth:allowedHttpCidrs must let the CA in."
    )
