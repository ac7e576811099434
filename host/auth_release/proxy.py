"""Caddy: a site file for each service, and the configuration that it runs."""

import contextlib
import http.client
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from . import certificate, health
from .desired import Desired, Maintenance
from .errors import ReleaseError
from .files import exclusive, write_atomically
from .lock import take
from .network import GATEWAY, PORT, Slot
from .programs import run, succeeds

CADDY = Path("/etc/caddy")
LOGS = Path("/var/log/caddy")
# While SIGNALS holds a file of the name CLOSING, the proxy closes connections after an answer.
SIGNALS, CLOSING = Path("/run/auth-proxy"), "closing"
_WAIT_UNIT = "auth-proxy-wait.service"
_FIRST_REQUEST_SECONDS = 0.5  # a new connection has sent its request within it
_LONGEST_WAIT_SECONDS = 3  # a client sends the first packet again after 1 s and 3 s
_CLOSING_SECONDS = 3  # a client with a busy connection sends a request on it within this time
# Settings for all sites of a listener. Without a bound on time, a client that drips a head or a
# body holds its connection for ever; answers have no bound, as some last: downloads, event streams.
# HTTP/3 is not offered: the firewall and the network refuse UDP. The proxy's own log has no URL of
# a request: the links in mails are secrets. Questions to its interface for administration are many,
# so only those that fail are logged.
MAIN = """\
# Written by auth-release: one file a service.
{
	servers {
		protocols h1 h2
		max_header_size 32KiB
		timeouts {
			read_header 10s
			read_body 45s
			idle 2m
		}
	}
	log {
		exclude admin.api
		format filter {
			wrap json
			fields {
				request>uri delete
				request>headers delete
			}
		}
	}
	log administration {
		include admin.api
		level WARN
	}
	metrics
	import /etc/caddy/options/*.caddy
}
import /etc/caddy/sites/*.caddy
"""
ADMIN_PORT = 2019


class Proxy:
    """Answers the world's requests; the routes beneath it choose the release."""

    def difference(self, desired: Desired, slot: Slot) -> str | None:
        """Describe a change of the proxy since the release; return None without a change."""
        for path, text in _texts(desired, slot).items():
            if _text(path) != text:
                return f"the proxy's {path} was changed"
        if self._running() != self._written():
            return "the proxy does not run the configuration in its files"
        return None

    def serve(self, desired: Desired, slot: Slot) -> None:
        """Serve the desired site, once its certificates are there. A refusal changes nothing.

        Services that are ready at the same time share a reload: it reads the files of all sites,
        and closing the connections before it takes seconds.
        """
        with _files():
            closes = any((CADDY / "sites").glob("*.caddy"))
            is_changed = self.difference(desired, slot) is not None
        if not is_changed and not (SIGNALS / CLOSING).exists():
            return
        if is_changed and desired.tls:
            self._obtain_certificates(desired, slot, closes=closes)
        with _files():
            former = self._write(_texts(desired, slot), desired.service) if is_changed else {}
        try:
            self._run_files(closes=closes)
        except ReleaseError:
            with _files():
                _put_back(former)
            raise

    def _obtain_certificates(self, desired: Desired, slot: Slot, *, closes: bool) -> None:
        """Serve the service at the new names as well, until their certificates are there.

        The former site goes on. Without a certificate in time the new names are gone again.
        """
        lacking = certificate.missing(desired.site)
        if not lacking or is_at_names(desired):
            return
        path, began = _path_of_beginning(desired.service), time.time()
        texts = {**_texts_beside(desired), path: beginning_file(desired, slot, lacking)}
        with _files():
            former = self._write(texts, desired.service)
        try:
            self._run_files(closes=closes)
            certificate.wait(lacking, since=began)
        except BaseException:
            with _files():
                _put_back({**former, path: None})
            self._run_files(closes=closes)
            raise

    def _write(self, texts: Mapping[Path, str | None], service: str) -> dict[Path, str | None]:
        """Write files that Caddy accepts; return the former texts."""
        self._prepare_canary_log(service)
        former = {path: _text(path) for path in texts}
        _put_back(texts)
        try:
            self.validate()
        except ReleaseError:
            _put_back(former)
            raise
        return former

    def _run_files(self, *, closes: bool) -> None:
        """Let Caddy run the files, unless the reload of another service has read them already."""
        with reloads_wait():
            (SIGNALS / CLOSING).unlink(missing_ok=True)  # left by a killed run
            if self._running() == self._written():
                return
            # meanwhile other services write their files, and the reload is theirs as well
            with closing_connections() if closes else contextlib.nullcontext(), _files():
                self.reload()

    def validate(self) -> None:
        """Raise ReleaseError, with Caddy's reason, if Caddy would refuse the files."""
        run("caddy", "validate", "--adapter", "caddyfile", "--config", str(CADDY / "Caddyfile"))

    def reload(self) -> None:
        run("systemctl", "reload-or-restart", "caddy.service")

    @staticmethod
    def canary_log(service: str) -> Path:
        """Return the path of the log with a canary's answers."""
        return LOGS / f"{service}-trial.log"

    def empty_canary_log(self, service: str) -> None:
        """Empty a canary's log. The file stays, as the proxy has it open."""
        log = self.canary_log(service)
        if log.exists():
            os.truncate(log, 0)

    def _prepare_canary_log(self, service: str) -> None:
        """Create the log with the proxy as its only reader; Caddy would let everybody read it.

        Older versions of this tool logged whole requests, in a file of another name.
        """
        log = self.canary_log(service)
        log.touch(mode=0o600)
        owner = LOGS.stat()
        os.chown(log, owner.st_uid, owner.st_gid)
        for pattern in (f"{service}-canary.log", f"{service}-canary-2*.log*"):
            for path in LOGS.glob(pattern):
                path.unlink()

    def _running(self) -> Any:
        """Ask Caddy for its running configuration; return None if it does not run."""
        if not succeeds("systemctl", "is-active", "--quiet", "caddy.service"):
            return None
        try:
            return _ask("GET", "/config/")
        except (OSError, ValueError, http.client.HTTPException):
            return None

    def _written(self) -> Any:
        """Return the configuration in the files, as Caddy reads them; a text if it can't.

        The Caddy that runs is asked: another start of its program takes as long as a release's
        other questions together.
        """
        try:
            text = (CADDY / "Caddyfile").read_text()
            answer = _ask("POST", "/adapt", text, {"Content-Type": "text/caddyfile"})
            return answer["result"] if "result" in answer else str(answer)
        except (OSError, ValueError, TypeError, http.client.HTTPException) as error:
            return str(error)


def probe() -> str | None:
    """Ask Caddy for an answer; return the problem of a missing answer."""
    problem = health.probe("127.0.0.1", ADMIN_PORT, "/config/admin")
    return None if problem and health.is_answer(problem) else problem


@contextlib.contextmanager
def closing_connections() -> Iterator[None]:
    """Close kept-open connections after their answers; the end of a listener would cut them off."""
    SIGNALS.mkdir(mode=0o755, exist_ok=True)
    (SIGNALS / CLOSING).touch()
    try:
        time.sleep(_CLOSING_SECONDS)
        with _connections_wait():
            yield
    finally:
        (SIGNALS / CLOSING).unlink()


@contextlib.contextmanager
def _connections_wait() -> Iterator[None]:
    """Let new connections wait, as the end of a listener loses the newest of them.

    Go's server, in Caddy, closes a connection whose first request comes after the end has begun.
    So the packet filter drops the first packet of each new connection, which its client sends again
    a second later, and the connections before them have time to send their requests. systemd ends
    the wait if this run is killed or takes longer.
    """
    succeeds("systemctl", "stop", _WAIT_UNIT)  # left by a killed run
    rule = "INPUT --protocol tcp --syn --destination-port 80:443 --jump DROP"
    run(
        *("systemd-run", "--quiet", "--collect", f"--unit={_WAIT_UNIT}", "--service-type=exec"),
        f"--property=ExecStartPre=iptables --wait 5 --insert {rule}",
        f"--property=ExecStopPost=iptables --wait 5 --delete {rule}",
        *("sleep", str(_LONGEST_WAIT_SECONDS)),
    )
    try:
        time.sleep(_FIRST_REQUEST_SECONDS)
        yield
    finally:
        succeeds("systemctl", "stop", _WAIT_UNIT)


def reloads_wait() -> AbstractContextManager[None]:
    """Hold the lock of the proxy's reloads."""
    return exclusive(CADDY / ".auth-reload.lock")


@contextlib.contextmanager
def unless_reloading() -> Iterator[bool]:
    """Keep releases from reloading the proxy; yield False if a reload is under way."""
    with (CADDY / ".auth-reload.lock").open("a") as file:
        yield take(file)


def _ask(
    method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
) -> Any:
    """Ask Caddy's API: https://caddyserver.com/docs/api."""
    # without a proxy of the environment, which is for other hosts
    connection = http.client.HTTPConnection("127.0.0.1", ADMIN_PORT, timeout=5)
    try:
        connection.request(method, path, body, headers or {})
        return json.load(connection.getresponse())
    finally:
        connection.close()


def _files() -> AbstractContextManager[None]:
    """Hold the files of all sites: whoever holds them sees files that Caddy accepts."""
    return exclusive(CADDY / ".auth-release.lock")


def is_at_names(desired: Desired) -> bool:
    """Check whether the service's site has the desired names already, with certificates or not."""
    return (_text(_path(desired.service)) or "").startswith(f"{desired.site} {{")


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def _put_back(texts: Mapping[Path, str | None]) -> None:
    """Write files; a file without a text is removed."""
    for path, text in texts.items():
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, text, mode=0o644)


def _path(service: str) -> Path:
    return CADDY / "sites" / f"{service}.caddy"


def _path_of_beginning(service: str) -> Path:
    # no service's name has a dot
    return CADDY / "sites" / f"{service}.beginning.caddy"


def _roots(service: str) -> Path:
    return CADDY / "roots" / f"{service}.pem"


def _texts(desired: Desired, slot: Slot) -> dict[Path, str | None]:
    """Return the texts of all files of a site; a file without a text must not exist."""
    return {
        **_texts_beside(desired),
        _path(desired.service): site_file(desired, slot),
        _path_of_beginning(desired.service): None,
    }


def _texts_beside(desired: Desired) -> dict[Path, str | None]:
    """Return the texts of the files that a site needs beside its own."""
    tls = desired.tls
    # a client that asks for an address names no host (RFC 6066, section 3), and the VM has another
    # address itself
    options = f"default_sni {tls.address}\n" if tls else None
    return {
        CADDY / "Caddyfile": MAIN,
        CADDY / "options" / f"{desired.service}.caddy": options,
        _roots(desired.service): (tls.roots or None) if tls else None,
    }


def site_file(desired: Desired, slot: Slot) -> str:
    """Render a service's site, and the entrance of its canaries, which logs status codes alone."""
    return f"""\
{desired.site} {{
{_issuing(desired)}{_site_body(desired, slot)}
}}
http://:{slot.entrance} {{
	bind 127.0.0.1
	log {{
		output file {Proxy.canary_log(desired.service)} {{
			roll_disabled
		}}
		format filter {{
			wrap json
			fields {{
				request delete
				resp_headers delete
				user_id delete
			}}
		}}
	}}
{_leading_to(slot.canary, *_AS_FORWARDED)}
}}
"""


def beginning_file(desired: Desired, slot: Slot, hosts: Collection[str]) -> str:
    """Render the site at names that wait for their certificates, by HTTPS and HTTP.

    Without a site of its own for HTTP, Caddy would already lead from there to HTTPS.
    """
    body = _site_body(desired, slot)
    secure = ", ".join(f"https://{host}" for host in hosts)
    plain = ", ".join(f"http://{host}" for host in hosts)
    return f"{secure} {{\n{_issuing(desired)}{body}\n}}\n{plain} {{\n{body}\n}}\n"


def _issuing(desired: Desired) -> str:
    """Render the CA of a site's certificates."""
    if desired.tls is None:
        return ""
    settings = {
        "dir": desired.tls.directory,
        "trusted_roots": str(_roots(desired.service)) if desired.tls.roots else "",
        "profile": desired.tls.profile,
    }
    lines = "".join(f"\t\t\t{name} {value}\n" for name, value in settings.items() if value)
    return f"\ttls {{\n\t\tissuer acme {{\n{lines}\t\t}}\n\t}}\n"


def _site_body(desired: Desired, slot: Slot) -> str:
    maintenance = desired.maintenance
    to_service = _refusing(desired.limits.request_body_bytes) + _leading_to(slot.service)
    body = _closed(to_service, maintenance) if maintenance else to_service
    return f"""\
	@closing file {{
		root {SIGNALS}
		try_files /{CLOSING}
	}}
	header @closing Connection close
	request_body {{
		max_size {desired.limits.request_body_bytes}
	}}
{access_log(desired.service)}
{body}"""


def access_log(service: str) -> str:
    """Render the log of a site's requests; systemd leads its lines to the journal.

    Queries, headers and fragments of addresses may be secrets: links in mails, tokens, cookies.
    A request without an id gets one here.
    """
    return f"""\
	@without_id not header X-Request-Id *
	request_header @without_id X-Request-Id {{http.request.uuid}}
	log_append service {service}
	log_append request_id {{http.request.header.X-Request-Id}}
	log {{
		format filter {{
			wrap json
			fields {{
				request>uri regexp "[?#].*" ""
				request>headers delete
				request>tls delete
				resp_headers delete
			}}
		}}
	}}"""


# The proxy calls its own entrance: the first call's header has the client.
_AS_FORWARDED = (
    f"trusted_proxies {GATEWAY}/32",
    "header_up X-Forwarded-For {header.X-Forwarded-For}",
)


def _refusing(limit: int) -> str:
    """Answer 413 to a body with a too large Content-Length; any other body is cut at the limit."""
    length = "{header.Content-Length}"
    return f"""\
	@large expression `{length} != "" && int({length}) > {limit}`
	respond @large 413
"""


def _leading_to(address: str, *more: str) -> str:
    """Render the way to a service.

    Only a failed dial is tried again, so no request is sent twice. Each request dials anew, and so
    reaches the release that is live now. Answers are not compressed: compression would hold back
    the head of an event stream, and leak secrets in pages by their length (BREACH).
    """
    lines = "".join(f"\t\t{line}\n" for line in more)
    return f"""\
	reverse_proxy {address}:{PORT} {{
{lines}\
		lb_try_duration 5s
		lb_try_interval 100ms
		lb_retry_match {{
			# without this every GET is sent again
			expression false
		}}
		transport http {{
			dial_timeout 1s
			keepalive off
		}}
	}}"""


def _closed(to_service: str, maintenance: Maintenance) -> str:
    paths = " ".join(maintenance.open_paths)
    inner = to_service.replace("\n", "\n\t")
    return f"""\
	@open path {paths}
	handle @open {{
	{inner}
	}}
	handle {{
		header Retry-After 60
		header Content-Type "text/html; charset=utf-8"
		respond {_quoted(maintenance.page)} 503
	}}"""


def _quoted(text: str) -> str:
    """Quote text for a Caddyfile, whose placeholders begin with a brace."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("{", "\\{")
    return f'"{escaped}"'
