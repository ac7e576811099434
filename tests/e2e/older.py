"""A release as the first version of the tool made it: its container is published at a port."""

import json
from typing import Any

from host.auth_release.desired import fingerprint_of
from tests.testbed.server import Server

CLOSED_BY_A_RELOAD = "on an open connection"
_STATE = "/var/lib/auth-release"
_SITE = """\
:80 {
\tencode gzip
\treverse_proxy 127.0.0.1:20000 {
\t\tlb_try_duration 5s
\t\tlb_try_interval 100ms
\t\ttransport http {
\t\t\tkeepalive off
\t\t}
\t}
}
"""
_ROUTE = """\
# release NUMBER
-A AUTH-RELEASE -d 127.0.0.1/32 -p tcp -m tcp --dport 20000 -j REDIRECT --to-ports 20001
"""
_START = """\
set -eu
cp -a STATE/auth/secrets-LIVE STATE/auth/secrets-NEW
docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' auth-OLD > /tmp/environment
docker run --detach --name auth-NUMBER --label auth.service=auth --label auth.release=NUMBER \
  --label auth.fingerprint=FINGERPRINT --restart=unless-stopped --publish 127.0.0.1:20001:8000 \
  --env-file /tmp/environment --volume /srv/auth/auth:/data \
  --volume STATE/auth/secrets-NEW:/run/secrets:ro --read-only --tmpfs /tmp --memory 512m \
  --memory-swap 512m IMAGE
rm /tmp/environment
until curl --silent --fail http://127.0.0.1:20001/readyz; do sleep 0.2; done
systemctl reload caddy
auth-release routes
docker rm --force auth-OLD
"""


def make_live(server: Server) -> int:
    """Put such a release in the live release's place; return its number."""
    live = server.status()["live"]["release"]
    number = int(server.status()["next"])
    path = f"{_STATE}/auth/release-"
    before = json.loads(server.must("sudo", "cat", f"{path}{live:06}.json"))
    put(server, f"{path}{live:06}.json", json.dumps({**before, "outcome": "replaced"}))
    record = _record(before, number)
    put(server, f"{path}{number:06}.json", json.dumps(record))
    put(server, f"{_STATE}/routes/auth.rules", _ROUTE.replace("NUMBER", str(number)))
    put(server, "/etc/caddy/sites/auth.caddy", _SITE)
    put(server, "/etc/caddy/Caddyfile", "import /etc/caddy/sites/*.caddy\n")
    script = _START
    for word, value in {
        "STATE": _STATE,
        "LIVE": f"{live:06}",
        "NEW": f"{number:06}",
        "OLD": str(live),
        "NUMBER": str(number),
        "FINGERPRINT": fingerprint_of(record["desired"]),
        "IMAGE": record["desired"]["image"],
    }.items():
        script = script.replace(word, value)
    server.must("sudo", "bash", "-s", stdin=script)
    return number


def _record(record: dict[str, Any], number: int) -> dict[str, Any]:
    """Build a record of the first schema from a record of today."""
    lasting = {name: record[name] for name in ("by", "at", "seconds", "outcome", "note")}
    desired = {name: value for name, value in record["desired"].items() if name != "schema"}
    limits = {name: desired["limits"][name] for name in ("memory", "cpus", "pids")}
    return {
        **lasting,
        "number": number,
        "host_port": 20001,
        "desired": {**desired, "limits": limits},
    }


def put(server: Server, path: str, text: str) -> None:
    server.must(f"sudo sh -c 'cat > {path}'", stdin=text)
