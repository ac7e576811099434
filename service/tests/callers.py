"""Callers of a server with rate limits: each has its own address in the proxy's header."""

import httpx
from running import NO_TLS, Server
from users import PASSWORD

ORIGIN = "https://app.example.org"
LIMITED = {
    "AUTH_RATE_LIMITS": "login=20/60 login_account=20/60 register=3/60",
    "AUTH_CORS_ORIGINS": ORIGIN,
    "AUTH_BODY_SECONDS": "6",
    "AUTH_TRUSTED_PROXIES": "127.0.0.1",
}


def client(server: Server, address: str) -> httpx.Client:
    """Return an HTTP client whose requests come from `address`, by the proxy's header."""
    headers = {"X-Forwarded-For": address}
    return httpx.Client(base_url=server.url, timeout=30, headers=headers, verify=NO_TLS)


def register(asking: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return asking.post("/v1/auth/register", json={"email": email, "password": password})


def log_in(asking: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return asking.post("/v1/auth/login", json={"email": email, "password": password})
