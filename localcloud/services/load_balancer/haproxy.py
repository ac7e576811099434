"""The configuration of HAProxy for a load balancer: plain text of plain values."""

from collections.abc import Iterable, Mapping, Sequence

from localcloud.services.load_balancer.parts import BackendSet, Listener, Protocol

_FOLDER = "/etc/localcloud/balancer"
_BALANCE = {
    "ROUND_ROBIN": ("balance roundrobin",),
    "LEAST_CONNECTIONS": ("balance leastconn",),
    "IP_HASH": ("balance source", "hash-type consistent"),
}
_MODES = {"HTTP": "http", "TCP": "tcp"}
# https://docs.oracle.com/en-us/iaas/Content/Balance/Reference/httpheaders.htm; `ssl_fc` is the
# listener's own TLS
_HTTP = (
    "http-request set-header X-Forwarded-Host %[req.hdr(host)]",
    "http-request set-header X-Forwarded-Port %[dst_port]",
    "http-request set-header X-Forwarded-Proto https if { ssl_fc }",
    "http-request set-header X-Forwarded-Proto http if !{ ssl_fc }",
    "http-request set-header X-Real-IP %[src]",
    # appended to the client's own, in the same line
    (
        'http-request set-header X-Forwarded-For "%[req.fhdr(X-Forwarded-For)], %[src]"'
        " if { req.fhdr(X-Forwarded-For) -m found }"
    ),
    "http-request set-header X-Forwarded-For %[src] if !{ req.fhdr(X-Forwarded-For) -m found }",
    # a kept connection outlives a new configuration until its next answer
    "option idle-close-on-response",
)
# `redispatch` and `retries`: a backend that takes no connection is left for another one.
_DEFAULTS = """\
global
    description {revision}
    user haproxy
    group haproxy
    maxconn 8000
    hard-stop-after {longest}s
    stats socket /run/haproxy/admin.sock user root mode 600 level admin
    server-state-file /run/haproxy/state
    ssl-default-bind-options ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2
defaults
    load-server-state-from-file global
    option redispatch 1
    retries 3
    timeout connect 3s
    timeout http-request 60s
    timeout http-keep-alive 65s
    timeout client 60s
    timeout server 60s
# HAProxy does not start without anything to listen at
frontend localcloud
    mode tcp
    bind unix@/run/haproxy/none.sock
"""


def backend_name(set_name: str, protocol: Protocol) -> str:
    """Return the name of the backend that serves a set to the listeners of a protocol."""
    return f"{_MODES[protocol]}:{set_name}"


def files(
    revision: int,
    listeners: Iterable[Listener],
    backend_sets: Mapping[str, BackendSet],
    certificates: Mapping[str, str],
) -> dict[str, str]:
    """Return the configuration file, and the certificates: chain and key in PEM, by their name."""
    ordered = sorted(listeners, key=lambda each: each.name)
    longest = max([each.idle_timeout for each in ordered], default=60)
    lines = [_DEFAULTS.format(revision=revision, longest=longest)]
    used = dict.fromkeys((each.default_backend_set_name, each.protocol) for each in ordered)
    for listener in ordered:
        lines += _frontend(revision, listener)
    for name, protocol in used:
        timeouts = [
            each.idle_timeout
            for each in ordered
            if (each.default_backend_set_name, each.protocol) == (name, protocol)
        ]
        lines += _backend(backend_sets[name], protocol, max(timeouts))
    wanted = {each.ssl_configuration.certificate_name for each in ordered if each.ssl_configuration}
    return {
        "haproxy.cfg": "\n".join([*lines, ""]),
        **{f"{name}.pem": certificates[name] for name in sorted(wanted)},
    }


def _frontend(revision: int, listener: Listener) -> list[str]:
    tls = ""
    if listener.ssl_configuration:
        file = f"{_FOLDER}/{revision}/{listener.ssl_configuration.certificate_name}.pem"
        tls = f" ssl crt {file}"
    lines = [
        f"frontend listener:{listener.name}",
        f"mode {_MODES[listener.protocol]}",
        f"bind *:{listener.port}{tls}",
        f"timeout client {listener.idle_timeout}s",
        *(_HTTP if listener.protocol == "HTTP" else ()),
        f"default_backend {backend_name(listener.default_backend_set_name, listener.protocol)}",
    ]
    return _section(lines)


def _backend(backend_set: BackendSet, protocol: Protocol, idle_timeout: int) -> list[str]:
    checker = backend_set.health_checker
    check = [f"timeout check {checker.timeout_in_millis}ms"]
    if checker.protocol == "HTTP":
        check += [
            "option httpchk",
            f"http-check send meth GET uri {checker.url_path} ver HTTP/1.1 hdr Host localcloud",
            f"http-check expect status {checker.return_code}",
        ]
    port = f" port {checker.port}" if checker.port else ""
    times = f"inter {checker.interval_in_millis}ms rise {checker.retries} fall {checker.retries}"
    lines = [
        f"backend {backend_name(backend_set.name, protocol)}",
        f"mode {_MODES[protocol]}",
        *_BALANCE[backend_set.policy],
        f"timeout server {idle_timeout}s",
        *check,
        f"default-server check {times}{port}",
    ]
    for each in backend_set.backends:
        words = [f"server {each.name} {each.ip_address}:{each.port}"]
        words.append(f"weight {0 if each.drain else each.weight}")
        words += [f"maxconn {each.max_connections}"] if each.max_connections else []
        words += ["backup"] if each.backup else []
        words += ["disabled"] if each.offline else []
        lines.append(" ".join(words))
    return _section(lines)


def _section(lines: Sequence[str]) -> list[str]:
    head, *rest = lines
    return [head, *(f"    {line}" for line in rest)]
