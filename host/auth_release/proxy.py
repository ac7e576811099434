"""Caddy: a site file for each service, and what it runs of them."""

import contextlib
import http.client
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .desired import Desired, Maintenance
from .errors import ReleaseError
from .files import exclusive, write_atomically
from .network import GATEWAY, PORT, Slot
from .programs import run, succeeds

CADDY = Path("/etc/caddy")
LOGS = Path("/var/log/caddy")
# While there is a file of that name in it, the proxy closes each connection after its answer.
SIGNALS, CLOSING = Path("/run/auth-proxy"), "closing"
_CLOSING_SECONDS = 2  # a client that keeps a connection busy has sent a request on it by then
# What holds for all sites of a listener. Without a bound on time, a client that drips a head or a
# body holds its connection for ever; there is none on answers, as some last: downloads, event
# streams. HTTP/3 is not offered: the firewall and the network keep UDP shut. The proxy's own log
# names no address that was asked for: those of links in mails are secrets.
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
		format filter {
			wrap json
			fields {
				request>uri delete
				request>headers delete
			}
		}
	}
}
import /etc/caddy/sites/*.caddy
"""
_ADMIN_PORT = 2019


class Proxy:
    """Answers to the world; which release a request goes to is decided beneath it, in `routes`."""

    def differs(self, desired: Desired, slot: Slot) -> str:
        """Tell how the proxy is other than the release left it: "" if it is not."""
        path, main = self._path(desired.service), CADDY / "Caddyfile"
        if not path.exists() or path.read_text() != site_file(desired, slot):
            return f"the proxy's {path} was changed"
        if not main.exists() or main.read_text() != MAIN:
            return f"the proxy's {main} was changed"
        if self._running() != self._written():
            return "the proxy does not run what its files say"
        return ""

    def serve(self, desired: Desired, slot: Slot) -> bool:
        """Serve the site as desired; tell whether that was news. On refusal nothing has changed."""
        with exclusive(CADDY / ".auth-release.lock"):
            (SIGNALS / CLOSING).unlink(missing_ok=True)  # of a run that was killed
            return bool(self.differs(desired, slot)) and self._rewrite(desired, slot)

    def _rewrite(self, desired: Desired, slot: Slot) -> bool:
        path, main = self._path(desired.service), CADDY / "Caddyfile"
        self._prepare_canary_log(desired.service)
        serves = any(path.parent.glob("*.caddy"))
        before = {file: file.read_text() if file.exists() else None for file in (path, main)}
        write_atomically(main, MAIN, mode=0o644)
        write_atomically(path, site_file(desired, slot), mode=0o644)
        try:
            with self._closing() if serves else contextlib.nullcontext():
                self.reload()
        except ReleaseError:
            for file, text in before.items():
                if text is None:
                    file.unlink()
                else:
                    write_atomically(file, text, mode=0o644)
            raise
        return True

    def reload(self) -> None:
        run("caddy", "validate", "--adapter", "caddyfile", "--config", str(CADDY / "Caddyfile"))
        run("systemctl", "reload-or-restart", "caddy.service")

    @contextlib.contextmanager
    def _closing(self) -> Iterator[None]:
        """Let clients leave the connections that they keep open, which a reload would cut off."""
        SIGNALS.mkdir(mode=0o755, exist_ok=True)
        (SIGNALS / CLOSING).touch()
        try:
            time.sleep(_CLOSING_SECONDS)
            yield
        finally:
            (SIGNALS / CLOSING).unlink()

    @staticmethod
    def canary_log(service: str) -> Path:
        """Return the path of the log of a canary's answers."""
        return LOGS / f"{service}-trial.log"

    def empty_canary_log(self, service: str) -> None:
        """Forget a canary's answers. The file stays, as the proxy has it open."""
        log = self.canary_log(service)
        if log.exists():
            os.truncate(log, 0)

    def _prepare_canary_log(self, service: str) -> None:
        """Create the log for the proxy alone to read; it would let everybody.

        Older versions of this tool logged whole requests in a file of another name.
        """
        log = self.canary_log(service)
        log.touch(mode=0o600)
        owner = LOGS.stat()
        os.chown(log, owner.st_uid, owner.st_gid)
        for old in (f"{service}-canary.log", f"{service}-canary-2*.log*"):
            for path in LOGS.glob(old):
                path.unlink()

    def _running(self) -> Any:
        """Ask Caddy for what it runs; None if it does not."""
        if not succeeds("systemctl", "is-active", "--quiet", "caddy.service"):
            return None
        # straight to it: a proxy of the environment is for other hosts
        connection = http.client.HTTPConnection("127.0.0.1", _ADMIN_PORT, timeout=5)
        try:
            connection.request("GET", "/config/")
            return json.load(connection.getresponse())
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _written(self) -> Any:
        """Read what the files say, as Caddy would."""
        try:
            return json.loads(
                run("caddy", "adapt", "--adapter", "caddyfile", "--config", f"{CADDY}/Caddyfile")
            )
        except ReleaseError as error:
            return str(error)

    @staticmethod
    def _path(service: str) -> Path:
        return CADDY / "sites" / f"{service}.caddy"


def site_file(desired: Desired, slot: Slot) -> str:
    """Render a service's site, and the entrance of its canaries, which logs their status alone."""
    maintenance = desired.maintenance
    to_service = _refusing(desired.limits.request_body_bytes) + _leading_to(slot.service)
    body = _closed(to_service, maintenance) if maintenance else to_service
    return f"""\
{desired.site} {{
	@closing file {{
		root {SIGNALS}
		try_files /{CLOSING}
	}}
	header @closing Connection close
	request_body {{
		max_size {desired.limits.request_body_bytes}
	}}
{body}
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


# The proxy calls its own entrance: the client is the one that the first call named.
_AS_FORWARDED = (
    f"trusted_proxies {GATEWAY}/32",
    "header_up X-Forwarded-For {header.X-Forwarded-For}",
)


def _refusing(limit: int) -> str:
    """Answer 413 to a body that is said to be too large; one that gets too large is cut off."""
    length = "{header.Content-Length}"
    return f"""\
	@large expression `{length} != "" && int({length}) > {limit}`
	respond @large 413
"""


def _leading_to(address: str, *more: str) -> str:
    """Render the way to a service.

    A dial that fails is tried again, and nothing else is: no request is sent twice. Each request
    dials anew, and so reaches the release that is live now. Answers are not compressed, which would
    hold back the head of an event stream, and give away secrets in pages by their length (BREACH).
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
