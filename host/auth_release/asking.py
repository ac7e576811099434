"""A question to a service through the proxy, as a client asks it."""

import contextlib
import http.client
import re
import socket
import ssl

from .desired import Desired

_SECONDS = 5
HTTPS_PORT, _HTTP_PORT = 443, 80
_SITE = re.compile(r"(?:(https?)://)?([^:/\s,]*)(?::([0-9]+))?")


def through_proxy(desired: Desired) -> str | None:
    """Ask the site for the service's health; return None for an answer of 2xx, else the problem.

    In maintenance mode a path that the proxy does not lead to the service is not asked.
    """
    path = desired.health.path
    if desired.maintenance and path not in desired.maintenance.open_paths:
        return None
    host, port, is_tls = address(desired.site)
    try:
        with contextlib.closing(_connection(port)) as plain:
            link = http.client.HTTPConnection(host or "127.0.0.1", port, timeout=_SECONDS)
            link.sock = _encrypted(plain, host) if is_tls else plain
            with contextlib.closing(link):
                link.request("GET", path, headers={"Connection": "close"})
                status = link.getresponse().status
    except TimeoutError:
        return f"no answer within {_SECONDS} s"
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({getattr(error, 'strerror', None) or error or type(error).__name__})"
    return None if status // 100 == 2 else f"HTTP {status}"  # noqa: PLR2004 - RFC 9110, section 15


def address(site: str) -> tuple[str, int, bool]:
    """Return the host, the port, and whether it speaks TLS, of a site's first Caddy address."""
    match = _SITE.match(site)
    scheme, host, port = match.groups() if match else (None, "", None)
    is_plain = scheme == "http" or port == str(_HTTP_PORT) or (not host and port != "443")
    return host, int(port or (_HTTP_PORT if is_plain else HTTPS_PORT)), not is_plain


def certificate(host: str, port: int) -> bytes | None:
    """Return the proxy's certificate for a host, in DER, valid or not; OSError without TLS."""
    with _connection(port) as plain, _encrypted(plain, host) as link:
        return link.getpeercert(binary_form=True)


def _connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), _SECONDS)


def _encrypted(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """Begin TLS on a connection to this host itself; the certificate is another question."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host or None)
