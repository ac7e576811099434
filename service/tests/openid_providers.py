"""OpenID Providers on loopback whose answers a test chooses, to see which of them are believed."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry
from running import answering

_EVERY = JWSRegistry(algorithms=["ES256", "RS256", "HS256", "none"])


@dataclass
class OpenIdProvider:
    """Answers each code with an ID token; `claims`, `metadata` and the rest change the answers."""

    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "ES256"
    key: ECKey | RSAKey | OctKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    published: list[ECKey | RSAKey] | None = None
    kid: str = "first"
    port: int = 0
    # The paths of the requests, and the last form at the token endpoint.
    asked: list[str] = field(default_factory=list)
    form: dict[str, str] = field(default_factory=dict)
    authorization: str = ""
    nonce: str = ""
    padding: int = 0

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sends_back(self, address: str, **changes: str) -> dict[str, str]:
        """Return the answer to the request that a browser brought."""
        query = dict(parse_qsl(urlsplit(address).query))
        self.nonce = query["nonce"]
        return {"code": "code", "state": query["state"], "iss": self.issuer, **changes}

    def answer(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/jwks",
                **self.metadata,
            }
        if path == "/jwks":
            keys = [self.key] if self.published is None else self.published
            return {"keys": [{**key.as_dict(private=False), "kid": self.kid} for key in keys]}
        if path == "/token":
            return {"id_token": self.id_token(), "access_token": "token", "token_type": "Bearer"}
        if path == "/userinfo":
            return self.userinfo
        return None

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "ours",
            "sub": "user-1",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "email": f"{self.port}@example.test",
            "email_verified": True,
            **self.claims,
        }
        header = {"alg": self.algorithm, "kid": self.kid}
        present = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            return jws.serialize_compact(header, json.dumps(present), None, registry=_EVERY)
        return jwt.encode(header, present, self.key, registry=_EVERY)

    @contextmanager
    def running(self) -> Iterator["OpenIdProvider"]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                content = provider.answer(self.path)
                self.send_response(200 if content is not None else 404)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode() + b" " * provider.padding)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.form = {name: one[0] for name, one in parse_qs(body).items()}
                provider.authorization = self.headers.get("Authorization", "")
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        with answering(server):
            yield self
