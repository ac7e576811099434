"""Caddy: a site file for each service, and what it runs of them."""

import http.client
import json
from pathlib import Path
from typing import Any

from .desired import Desired, Maintenance
from .errors import ReleaseError
from .files import exclusive, write_atomically
from .programs import run, succeeds
from .records import Ports

CADDY = Path("/etc/caddy")
LOGS = Path("/var/log/caddy")
MAIN = "# Written by auth-release: one file a service.\nimport /etc/caddy/sites/*.caddy\n"
_ADMIN_PORT = 2019


class Proxy:
    """Answers to the world; which release a request goes to is decided beneath it, in `routes`."""

    def differs(self, desired: Desired, ports: Ports) -> str:
        """Tell how the proxy is other than the release left it: "" if it is not."""
        path, main = self._path(desired.service), CADDY / "Caddyfile"
        if not path.exists() or path.read_text() != site_file(desired, ports):
            return f"the proxy's {path} was changed"
        if not main.exists() or main.read_text() != MAIN:
            return f"the proxy's {main} was changed"
        if self._running() != self._written():
            return "the proxy does not run what its files say"
        return ""

    def serve(self, desired: Desired, ports: Ports) -> bool:
        """Serve the site as desired; tell whether that was news. On refusal nothing has changed."""
        with exclusive(CADDY / ".auth-release.lock"):
            return bool(self.differs(desired, ports)) and self._rewrite(desired, ports)

    def _rewrite(self, desired: Desired, ports: Ports) -> bool:
        path, main = self._path(desired.service), CADDY / "Caddyfile"
        before = {file: file.read_text() if file.exists() else None for file in (path, main)}
        write_atomically(main, MAIN, mode=0o644)
        write_atomically(path, site_file(desired, ports), mode=0o644)
        try:
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

    @staticmethod
    def canary_log(service: str) -> Path:
        """Name the log of what a canary answers."""
        return LOGS / f"{service}-canary.log"

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


def site_file(desired: Desired, ports: Ports) -> str:
    """Render a service's site, and the entrance of its canaries, which logs what they answer."""
    maintenance = desired.maintenance
    to_service = _leading_to(ports.service)
    body = _closed(to_service, maintenance) if maintenance else to_service
    return f"""\
{desired.site} {{
	encode gzip
{body}
}}
http://:{ports.entrance} {{
	bind 127.0.0.1
	log {{
		output file {Proxy.canary_log(desired.service)}
		format json
	}}
{_leading_to(ports.canary)}
}}
"""


def _leading_to(port: int) -> str:
    return f"""\
	reverse_proxy 127.0.0.1:{port} {{
		# a dial that fails is tried again: no request is sent twice
		lb_try_duration 5s
		lb_try_interval 100ms
		transport http {{
			# each request dials anew, and so reaches the release that is live now
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
