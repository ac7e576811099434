"""A real SMTP server with its own certificate, which stores its messages."""

import asyncio
import ssl
import time
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from running import free_port

_SECONDS = 15


class Post:
    """Two SMTP servers: with STARTTLS, and with TLS from the first byte."""

    username = "auth"

    def __init__(self, made: Path) -> None:
        self.certificate = made
        self.password_file = made.with_name("password")
        self.password_file.write_text("the mail server's password\n")
        self.logins = 0
        self._messages: dict[str, bytes] = {}
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made, made.with_name("key.pem"))
        self._servers = {
            "starttls": Controller(
                self,
                hostname="localhost",
                port=free_port(),
                tls_context=context,
                require_starttls=True,
                authenticator=self._authenticate,
                auth_required=True,
            ),
            "tls": Controller(
                self,
                hostname="localhost",
                port=free_port(),
                ssl_context=context,
                authenticator=self._authenticate,
                # aiosmtpd counts only STARTTLS as TLS.
                auth_require_tls=False,
            ),
        }
        for server in self._servers.values():
            server.start()

    def port(self, security: str) -> int:
        return int(self._servers[security].port)

    def received(self, to: str) -> bytes:
        """Wait for the last message to an address, and return it."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            if to in self._messages:
                return self._messages[to]
            time.sleep(0.02)
        raise AssertionError(f"nothing came for {to}, only for {list(self._messages)}")

    def close(self) -> None:
        for server in self._servers.values():
            server.stop()

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        await asyncio.sleep(0)
        self._messages[envelope.rcpt_tos[0]] = envelope.content
        return "250 OK"

    def _authenticate(self, _: Any, __: Any, ___: Any, ____: Any, credentials: Any) -> AuthResult:
        self.logins += 1
        expected = LoginPassword(self.username.encode(), self.password_file.read_bytes().strip())
        return AuthResult(success=credentials == expected)
