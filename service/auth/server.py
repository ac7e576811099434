"""The process: serves until SIGTERM, then finishes what is in flight."""

import asyncio
import signal
import socket

import uvicorn

from auth.accounts import password_rules
from auth.app import create_app
from auth.http.connections import Protocol
from auth.service import Service
from auth.settings import Settings, SettingsError
from auth.storage import schema
from auth.telemetry import logs

_GRACE_SECONDS = 10
_HOST = "0.0.0.0"  # noqa: S104 - in a container; the host publishes it on loopback


class Server(uvicorn.Server):
    """Turns /readyz to 503 before it stops, so that a proxy can look elsewhere."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self.config.app.state.service.stopping = True  # type: ignore[union-attr]
        await asyncio.sleep(self._settings.drain_seconds)
        await super().shutdown(sockets)  # type: ignore[arg-type]


def serve(settings: Settings) -> int:
    """Serve until SIGTERM; return the exit status. Raise SettingsError for a port in use."""
    listener = _bound(settings)
    logs.configure()
    password_rules.common()
    if settings.migrate_at_start:
        schema.migrate_apart(settings.database_url)
    config = uvicorn.Config(
        create_app(Service.open(settings)),
        log_config=None,
        access_log=False,
        server_header=False,
        loop="uvloop",
        http=Protocol,
        # it would believe X-Forwarded-For before `auth.http.callers` can judge it
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        # longer than the proxy keeps an idle connection, so that the proxy closes it
        timeout_keep_alive=150,
    )
    server = Server(config, settings)
    # uvicorn hands the signal on once it has stopped; to be asked to stop is no failure
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run(sockets=[listener])
    return 0 if server.started else 1


def _bound(settings: Settings) -> socket.socket:
    """Take the port before anything is opened: a port in use is then the only problem."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"The service can't start:\n  AUTH_PORT is {settings.port}, and can't be listened on: "
            f"{error.strerror}."
        ) from None
    return listener
