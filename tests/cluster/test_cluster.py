"""A stack moves to a cluster and back with its accounts; releases on it lose no request."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from applications import RelyingParty

from tests.localcloud.caller import eventually
from tests.testbed.accounts import signs_in
from tests.testbed.clone import Clone, copy_to
from tests.testbed.cluster import Cluster
from tests.testbed.domain import KEYS, renews_without_a_lost_request
from tests.testbed.load import Load
from tests.testbed.sign_in import known_application, signs_in_by_browser

ACCOUNT = {"email": "ada-of-the-cluster@example.test", "password": "a horse that moves twice"}
SOURCE = "service/auth/server.py"
# from the death of a node until its pods serve elsewhere: Kubernetes waits 40 s and the pods 30
_ELSEWHERE_SECONDS = 150


def restore(clone: Clone) -> None:
    assert clone.run("git", "checkout", "--quiet", SOURCE).status == 0


@pytest.fixture(scope="module", name="clone")
def _clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """Yield a clone with a stack of its own, as its address changes with the platform."""
    clone = copy_to(tmp_path_factory.mktemp("cluster") / "clone")
    try:
        up = clone.make("up")
        assert up.status == 0, up.output
        yield clone
    finally:
        clone.make("down")


@pytest.fixture(scope="module", name="application")
def _application(clone: Clone) -> Iterator[RelyingParty]:
    with known_application(clone) as application:
        yield application


@pytest.fixture(scope="module", name="cluster")
def _cluster(clone: Clone, application: RelyingParty) -> Iterator[Cluster]:
    """Move the stack, with an account, to a cluster; move it back at the end."""
    assert application.url  # the update of the move makes it known to the service
    url = str(clone.outputs()["url"])
    assert httpx.post(f"{url}/v1/auth/register", json=ACCOUNT, timeout=30).is_success
    moved = clone.make("move-database", "TO=postgresql", "YES=1")
    assert moved.status == 0, moved.output
    platform(clone, "pulumi config set auth:platform cluster")
    moved_url = str(clone.outputs()["url"])
    signs_in(url, ACCOUNT)  # the server still serves, on the same database
    retire(clone)

    yield Cluster(clone, moved_url)

    platform(clone, "pulumi config rm auth:platform; pulumi config rm auth:nodes; true")
    signs_in(moved_url, ACCOUNT)  # the cluster still serves
    retire(clone)
    signs_in(str(clone.outputs()["url"]), ACCOUNT)


def platform(clone: Clone, command: str) -> None:
    """Configure the other platform, and make it beside the former one."""
    assert clone.shell(command).status == 0
    up = clone.make("up")
    assert up.status == 0, up.output
    assert "make retire" in up.output
    signs_in(str(clone.outputs()["url"]), ACCOUNT)


def retire(clone: Clone) -> None:
    """Delete the former platform, which leaves nothing to change."""
    retired = clone.make("retire", "CONFIRM=local")
    assert retired.status == 0, retired.output
    unchanged = clone.shell("pulumi preview --expect-no-changes")
    assert unchanged.status == 0, unchanged.output


@pytest.fixture(name="load")
def _load(cluster: Cluster) -> Iterator[Load]:
    """Keep a load on the cluster; in the end no request of it may have failed."""
    with Load(cluster.url, seconds=600) as requests:
        time.sleep(2)
        yield requests
        time.sleep(2)
    assert requests.sent > 0
    if requests.failures:
        print(cluster.kubectl("get", "events", "--sort-by=.lastTimestamp"))
    assert requests.failures == []


def test_the_accounts_came_along_and_the_pods_are_in_two_domains(cluster: Cluster) -> None:
    signs_in(cluster.url, ACCOUNT)
    zones = {
        node["metadata"]["name"]: node["metadata"]["labels"]["topology.kubernetes.io/zone"]
        for node in cluster.nodes()
    }
    used = {zones[pod["spec"]["nodeName"]] for pod in cluster.ready()}
    assert len(used) == 2, "a domain that is away takes one of two replicas"


def test_a_browser_and_a_stock_client_sign_in(application: RelyingParty, cluster: Cluster) -> None:
    signs_in_by_browser(application, cluster.url)


def test_the_image_is_in_no_reach_without_the_pull_secret(cluster: Cluster) -> None:
    (deployment,) = cluster.get("deployments")
    template = deployment["spec"]["template"]["spec"]
    image = template["containers"][0]["image"]
    assert template["imagePullSecrets"] == [{"name": "registry"}]
    assert "@sha256:" in image
    registry, _, rest = image.partition("/")
    name, _, digest = rest.partition("@")

    refused = httpx.get(f"http://{registry}/v2/{name}/manifests/{digest}", timeout=30)

    assert refused.status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.usefixtures("load")
def test_a_changed_line_and_its_rollback(clone: Clone, cluster: Cluster) -> None:
    before = cluster.revision()
    clone.append(SOURCE, "CHANGED = True")

    assert clone.make("up").status == 0

    assert cluster.revision() == before + 1
    rolled_back = clone.make("rollback")
    assert rolled_back.status == 0, rolled_back.output
    assert cluster.revision() == before + 2
    assert f"Release {before + 2} of auth is live" in clone.make("status").output
    assert "rollback" in clone.make("preview").output
    restore(clone)


@pytest.mark.usefixtures("load")
def test_a_release_that_never_gets_ready_leaves_the_one_before(
    clone: Clone, cluster: Cluster
) -> None:
    serving = {pod["metadata"]["name"] for pod in cluster.ready()}
    clone.append(
        SOURCE, "def serve(settings: Settings) -> int: raise RuntimeError('broken to serve')"
    )
    failed = clone.make("up")
    assert failed.status != 0
    assert "make status" in failed.output
    assert "RuntimeError: broken to serve" in clone.make("status").output

    assert {pod["metadata"]["name"] for pod in cluster.ready()} == serving
    assert "RuntimeError: broken to serve" in clone.make("preview").output

    restore(clone)
    assert clone.make("up").status == 0


@pytest.mark.usefixtures("load")
def test_replicas_and_a_node_come_and_go(clone: Clone, cluster: Cluster) -> None:
    assert clone.shell("pulumi config set auth:replicas 6").status == 0
    cluster.configured("nodes", "3")
    assert len(cluster.nodes()) == 3
    assert len(cluster.ready()) == 6

    assert clone.shell("pulumi config rm auth:replicas").status == 0
    cluster.configured("nodes", "2")
    eventually("nodes", lambda: len(cluster.nodes()), 2, seconds=60)
    eventually("pods", lambda: len(cluster.pods()), 2, seconds=60)
    assert len(cluster.ready()) == 2


def test_the_pods_of_a_dead_node_are_made_elsewhere(cluster: Cluster) -> None:
    """Requests that are at the node when it dies are lost, and none after the balancer's check."""
    dead = cluster.ready()[0]["spec"]["nodeName"]
    (survivor,) = {node["metadata"]["name"] for node in cluster.nodes()} - {dead}

    def serve_elsewhere() -> list[str]:
        return [pod["spec"]["nodeName"] for pod in cluster.ready()]

    with Load(cluster.url) as requests, cluster.dead(dead):
        time.sleep(3)
        eventually("pods", serve_elsewhere, [survivor] * 2, seconds=_ELSEWHERE_SECONDS)
    eventually("nodes", cluster.unready_nodes, [], seconds=120)

    times = [failure.at for failure in requests.failures]
    assert not times or max(times) - min(times) < 15, requests.failures


def test_a_domain_gets_a_certificate_and_another_under_load(
    clone: Clone, cluster: Cluster, tmp_path: Path
) -> None:
    address = urlsplit(cluster.url).hostname
    assert address
    try:
        renews_without_a_lost_request(clone, address, tmp_path)
    finally:
        for key in KEYS:
            clone.shell(f"pulumi config rm auth:{key}")
    assert clone.make("up").status == 0
    signs_in(cluster.url, ACCOUNT)
