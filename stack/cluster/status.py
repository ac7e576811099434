"""`make status` on a cluster: the live release, its pods and nodes, and the way to them."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from host.auth_release import overview
from host.auth_release.failures import visible
from stack.cluster import entrance, objects, pods, releases
from stack.cluster.api import Api, MissingObjectError
from stack.stack import Stack

_SIDE_BY_SIDE = 8
_LONGEST = 240  # characters of a reason: Kubernetes quotes a whole answer of a registry


def of(stack: Stack, api: Api) -> dict[str, Any]:
    """Return the state of the service as JSON's values, in the form of a server's `status`.

    Values that only a cluster has are under `cluster`. All parts are asked side by side.
    """
    outputs = stack.outputs()
    authority = stack.clone / ".local" / "cloud" / "authority" / "roots.pem"
    url = str(outputs.get("healthUrl") or "")
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        own = pool.submit(releases.read, api)
        listed = pool.submit(api.items, objects.PODS, labelSelector=objects.LABEL)
        nodes = pool.submit(api.items, objects.NODES)
        jobs = pool.submit(api.items, objects.JOBS, labelSelector=objects.LABEL)
        balancer = pool.submit(_optional, lambda: _balancer(api))
        scaler = pool.submit(_optional, lambda: api.get(objects.SCALER))
        problem = pool.submit(entrance.problem, url, authority=authority) if url else None
        life = pool.submit(entrance.certificate, url)
    known = own.result()
    live = known.live
    own_pods = pods.of_releases(listed.result())
    migration = pods.newest_migration(jobs.result(), listed.result())
    certificate = life.result()
    under_way, failed = known.under_way, known.failed
    return {
        "live": live.public() if live else None,
        "running": bool(live and live.ready),
        "others": [pod.name for pod in own_pods if live and pod.fingerprint != live.fingerprint],
        "run": f"release {under_way.number}, by {under_way.by}" if under_way else None,
        "watching": False,
        "standby": 0,
        "went_back": {**failed.public(), "note": _why(failed.fingerprint, own_pods)}
        if failed
        else None,
        "differs": [],  # Kubernetes repairs what is different
        "next": max((each.number for each in known.all), default=0) + 1,
        "problem": (problem.result() if problem else "the load balancer has no address yet")
        if live
        else None,
        "overview": {
            **dict.fromkeys(("requests", "disk_percent", "os", "proof", "drill")),
            "certificate": asdict(certificate) if certificate else None,
        },
        "cluster": {
            "pods": [asdict(pod) for pod in own_pods],
            "nodes": [asdict(pods.Node.read(each)) for each in nodes.result()],
            "balancer": balancer.result(),
            "scaler": _scaling(scaler.result()),
            "migration": asdict(migration) if migration else None,
        },
    }


def lines(status: Mapping[str, Any]) -> list[str]:
    """Describe a status for people."""
    return [visible(line) for line in _lines(status)]


def _lines(status: Mapping[str, Any]) -> Iterator[str]:
    live, cluster = status["live"], status["cluster"]
    if live is None:
        yield f"No release of {objects.SERVICE} is live on this cluster."
    else:
        yield f"Release {live['release']} of {objects.SERVICE} is live and {_state(status)}."
        for name in ("image", "revision", "at", "by", "note"):
            if live[name]:
                yield f"  {name:<9}{live[name]}"
    yield from _pod_lines(status)
    usable = [node for node in cluster["nodes"] if not node["reason"]]
    versions = ", ".join(sorted({node["version"] for node in cluster["nodes"]}))
    yield f"  nodes    {len(usable)} of {len(cluster['nodes'])} ready, Kubernetes {versions}"
    for node in cluster["nodes"]:
        if node["reason"]:
            yield f"    {node['name']}  {_short(node['reason'])}"
    if balancer := cluster["balancer"]:
        yield f"  balancer {', '.join(balancer['addresses']) or _short(balancer['reason'])}"
    yield from overview.lines(status["overview"])
    if migration := cluster["migration"]:
        reason = f": {_short(migration['reason'])}" if migration["reason"] else ""
        yield f"  database {migration['name']} {migration['outcome']} at {migration['at']}{reason}"
    yield from (f"  differs: {difference}" for difference in status["differs"])
    if status["run"]:
        yield f"  under way: {status['run']}"
    if failed := status["went_back"]:
        yield f"  Release {failed['release']} by {failed['by']} failed: {_short(failed['note'])}"


def _state(status: Mapping[str, Any]) -> str:
    if not status["running"]:
        return "has no ready pod"
    problem = status["problem"]
    if not problem:
        return "runs"
    return f"{'hangs' if problem.startswith('no answer') else 'is not ready'}: {problem}"


def _pod_lines(status: Mapping[str, Any]) -> Iterator[str]:
    live, cluster = status["live"], status["cluster"]
    zones = {node["name"]: node["zone"] for node in cluster["nodes"]}
    if live:
        scaling = f"; {cluster['scaler']}" if cluster["scaler"] else ""
        yield f"  pods     {live['ready']} of {live['wanted']} ready{scaling}"
    for pod in cluster["pods"]:
        node = f"on {pod['node']} {zones.get(pod['node'], '')}".rstrip() if pod["node"] else ""
        words = [pod["name"], f"{_age(pod['at'])} old", node, _short(pod["reason"]) or "ready"]
        if pod["restarts"]:
            words.append(f"{pod['restarts']} restarts, the last: {pod['last_end']}")
        yield f"    {'  '.join(filter(None, words))}"


def _optional(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except MissingObjectError:
        return None


def _balancer(api: Api) -> dict[str, Any]:
    """Return the addresses of the load balancer; without any, the cluster's reason."""
    ingress = (api.get(objects.BALANCER)["status"].get("loadBalancer") or {}).get("ingress") or ()
    addresses = [each.get("ip") or each.get("hostname", "") for each in ingress]
    reason = ""
    if not addresses:
        selector = f"involvedObject.kind=Service,involvedObject.name={objects.SERVICE}"
        events = api.items(objects.EVENTS, fieldSelector=f"{selector},type=Warning")
        newest = max(events, key=lambda each: str(each.get("lastTimestamp")), default=None)
        reason = newest["message"] if newest else "no address yet: Oracle makes it"
    return {"addresses": addresses, "reason": reason}


def _scaling(scaler: Mapping[str, Any] | None) -> str:
    if scaler is None:
        return ""
    least, most = scaler["spec"].get("minReplicas", 1), scaler["spec"]["maxReplicas"]
    conditions = (scaler.get("status") or {}).get("conditions") or ()
    active: Mapping[str, Any] = next(
        (each for each in conditions if each["type"] == "ScalingActive"), {}
    )
    reason = f", not now: {active['message']}" if active.get("status") == "False" else ""
    return _short(f"scales from {least} to {most}{reason}")


def _why(fingerprint: str, own_pods: list[pods.Pod]) -> str:
    return pods.reason(own_pods, fingerprint) or "its pods were not ready in time"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _age(at: str) -> str:
    seconds = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
