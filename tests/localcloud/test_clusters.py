"""Clusters of Container Engine: a real Kubernetes on machines of the cloud."""

import asyncio
import json
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oci
import pytest
from cryptography import x509
from oci.container_engine import models

from components import former_secrets, person
from localcloud.host import default_shape
from localcloud.machines.registry import PULL_USERNAME, USERNAME
from stack.errors import StackError
from standins.resource import ProviderError
from tests.localcloud import operated
from tests.localcloud.balancer import SERVERS, Balancer
from tests.localcloud.caller import Caller, eventually, refused
from tests.localcloud.cluster import (
    API_PORT,
    EVICTION,
    Cluster,
    KubectlError,
    Place,
    finished,
    with_program,
)
from tests.localcloud.conftest import localcloud
from tests.localcloud.front import applied, exposed, front_manifest
from tests.localcloud.launches import latest_image
from tests.localcloud.operated import ClusterStack
from tests.localcloud.test_standin_oci import Plug
from tests.testbed.load import Load

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      imagePullSecrets: [{name: registry}]
      terminationGracePeriodSeconds: 7
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app: web}}
      containers:
      - name: web
        image: IMAGE
        command: [python3, -c, SERVERS, "8080"]
        lifecycle: {preStop: {sleep: {seconds: 6}}}
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
"""
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 3
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: AverageValue, averageValue: "10"}}
"""
COMPLETE = "NewReplicaSetAvailable"
SECRET = "auth-0a1b2c3d"
KUBE_PROXY_PORT = 10256
POOL = "oci:ContainerEngine/nodePool:NodePool"
OVER = "TERMINATED"
FETCH = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=9).status)"


@pytest.fixture(scope="module", name="place")
def _place(cloud: Caller) -> Place:
    return Place.create(cloud)


@pytest.fixture(scope="module", name="cluster")
def _cluster(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    program = with_program(place.caller.home)
    engine = place.caller.client(oci.container_engine.ContainerEngineClient)
    (version,) = engine.get_cluster_options("all").data.kubernetes_versions
    created = engine.create_cluster(place.cluster_details(version))
    request = finished(engine, created.headers["opc-work-request-id"])
    (resource,) = request.resources
    problems = engine.list_work_request_errors(place.caller.compartment, request.id).data
    assert (request.status, resource.action_type) == ("SUCCEEDED", "CREATED"), problems
    return Cluster(place.caller, resource.identifier, program, tmp_path_factory.mktemp("kube"))


@pytest.fixture(scope="module", name="pool_id")
def _pool_id(place: Place, cluster: Cluster) -> str:
    details = place.node_pool_details(cluster.id, size=2)
    created = cluster.engine.create_node_pool(details)
    request = finished(cluster.engine, created.headers["opc-work-request-id"])
    errors = cluster.engine.list_work_request_errors(place.caller.compartment, request.id).data
    assert request.status == "SUCCEEDED", errors
    return str(request.resources[0].identifier)


@pytest.fixture(scope="module", name="web")
def _web(cluster: Cluster, pool_id: str) -> list[Any]:
    """Run two pods behind a Service, of an image that the registry gives for a login alone."""
    assert pool_id
    image = pushed(cluster.caller)
    login = ("docker-registry", "registry", f"--docker-server={cluster.caller.home.registry}")
    reader = (f"--docker-username={PULL_USERNAME}", f"--docker-password={password(cluster.caller)}")
    cluster.kubectl("create", "secret", *login, *reader)
    cluster.kubectl(
        "apply",
        "--filename=-",
        stdin=WEB.replace("IMAGE", image).replace("SERVERS", json.dumps(SERVERS)),
    )
    rollout(cluster)
    return list(cluster.get("pods", "--selector=app=web")["items"])


def rollout(cluster: Cluster) -> None:
    try:
        cluster.kubectl("rollout", "status", "deployment/web", "--timeout=50s")
    except KubectlError as error:
        pytest.fail(f"{error}\n{cluster.kubectl('describe', 'pods')}")


def password(caller: Caller, file: str = "pull-password") -> str:
    return (caller.home.path / "registry" / file).read_text()


def pushed(caller: Caller) -> str:
    """Push the small base image of Python services."""
    described = json.loads(localcloud("describe", "--home", str(caller.home.path)))
    image = f"{caller.home.registry}/acme/web:1"
    login = ["docker", "login", "--username", USERNAME, "--password-stdin", caller.home.registry]
    subprocess.run(login, input=password(caller, "password"), text=True, check=True, timeout=60)
    for command in (("tag", described["docker_bases"]["base"], image), ("push", "--quiet", image)):
        subprocess.run(["docker", *command], check=True, timeout=120)
    return image


def test_a_new_cluster_shows_its_addresses_and_its_version(cluster: Cluster) -> None:
    shown = cluster.engine.get_cluster(cluster.id).data
    assert shown.lifecycle_state == "ACTIVE"
    assert shown.endpoints.private_endpoint == f"10.0.1.2:{API_PORT}"
    server = json.loads(cluster.kubectl("version", "--output=json"))["serverVersion"]
    assert server["gitVersion"] == shown.kubernetes_version
    (listed,) = cluster.engine.list_clusters(cluster.caller.compartment, name="auth").data
    assert listed.id == cluster.id


def test_the_control_plane_is_none_of_the_tenancys_instances(cluster: Cluster) -> None:
    names = [
        each.display_name
        for each in cluster.caller.compute.list_instances(cluster.caller.compartment).data
    ]
    assert not [name for name in names if "control plane" in name]


def test_a_user_without_a_role_is_known_and_may_do_nothing(cluster: Cluster) -> None:
    reporter = cluster.caller.account.reporter
    config = {
        **cluster.caller.config,
        "user": reporter.ocid,
        "fingerprint": reporter.fingerprint,
        "key_file": str(reporter.private_key_file),
    }
    with pytest.raises(KubectlError, match=rf'Forbidden.*User "{reporter.ocid}" cannot list'):
        cluster.kubectl("get", "nodes", config=config)


def test_a_token_that_a_strangers_key_signed_is_refused(cluster: Cluster) -> None:
    reporter = cluster.caller.account.reporter
    config = {**cluster.caller.config, "key_file": str(reporter.private_key_file)}
    with pytest.raises(KubectlError, match=r"Unauthorized|must be logged in"):
        cluster.kubectl("get", "nodes", config=config)


def test_a_node_is_an_instance_in_its_domain_with_the_pools_labels(
    cluster: Cluster, pool_id: str
) -> None:
    pool = cluster.engine.get_node_pool(pool_id).data
    nodes = {each["metadata"]["name"]: each for each in cluster.get("nodes")["items"]}
    assert {each.private_ip for each in pool.nodes} == set(nodes)
    for each in pool.nodes:
        instance = cluster.caller.compute.get_instance(each.id).data
        labels = nodes[each.private_ip]["metadata"]["labels"]
        assert (each.lifecycle_state, instance.lifecycle_state) == ("ACTIVE", "RUNNING")
        assert labels["tier"] == "web"
        assert nodes[each.private_ip]["spec"]["providerID"] == each.id
        assert each.availability_domain.endswith(labels["topology.kubernetes.io/zone"])


def test_a_pool_that_loses_a_node_on_its_way_fails_at_once_and_leaves_nothing(
    cluster: Cluster, pool_id: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pool_id
    plug, compute = Plug(place.caller, monkeypatch), place.caller.compute
    config = {
        "size": 1,
        "nsgIds": [place.group.id],
        "placementConfigs": [
            {"availabilityDomain": place.caller.domains[0], "subnetId": place.subnet.id}
        ],
    }
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(
            plug.create,
            POOL,
            clusterId=cluster.id,
            name="lost",
            nodeShape=default_shape(),
            nodeShapeConfig={"ocpus": 1, "memoryInGbs": 4},
            nodeSourceDetails={"sourceType": "IMAGE", "imageId": latest_image(place.caller)},
            nodeConfigDetails=config,
        )
        eventually("the pool", lambda: len(pools(cluster, "lost")), 1)
        (node,) = cluster.engine.get_node_pool(pools(cluster, "lost")[0].id).data.nodes
        compute.terminate_instance(node.id)
        with pytest.raises(ProviderError) as caught:
            making.result(timeout=60)
    assert "work request did not succeed" in str(caught.value)
    assert f"0 of 1 nodes: the instance {node.id} was terminated" in str(caught.value)
    assert {each.lifecycle_state for each in pools(cluster, "lost")} == {"DELETED"}


def pools(cluster: Cluster, name: str) -> list[Any]:
    compartment = cluster.caller.compartment
    return list(cluster.engine.list_node_pools(compartment, name=name).data)


def test_pods_reach_each_other_across_nodes_and_their_service(
    cluster: Cluster, web: list[Any]
) -> None:
    assert len({pod["spec"]["nodeName"] for pod in web}) == 2
    first, second = (pod["metadata"]["name"] for pod in web)
    service = cluster.get("service", "web")["spec"]["clusterIP"]
    for url in (f"http://{web[1]['status']['podIP']}:8080", f"http://{service}"):
        command = ("exec", first, "--", "python3", "-c", FETCH, url)
        assert cluster.kubectl(*command).strip() == "200"
    assert cluster.kubectl("logs", second) == ""


def test_an_autoscaler_sees_the_processor_time_of_its_pods(
    cluster: Cluster, web: list[Any]
) -> None:
    assert web
    cluster.kubectl("apply", "--filename=-", stdin=AUTOSCALER)

    def measured() -> list[str]:
        metrics = cluster.get("horizontalpodautoscaler", "web")["status"].get("currentMetrics")
        known = [each["resource"] for each in metrics or [] if "resource" in each]
        return [each["current"].get("averageValue", "") for each in known]

    eventually("the metrics", lambda: any(measured()), True, seconds=120)
    # of each node, too
    assert cluster.kubectl("top", "nodes", "--no-headers").count("%") == 4
    cluster.kubectl("delete", "horizontalpodautoscaler", "web")


@pytest.fixture(scope="module", name="stack")
def _stack(cluster: Cluster, web: list[Any]) -> ClusterStack:
    """Release two versions of a service, as the program does, and a third that is never ready."""
    assert web
    caller = cluster.caller
    operated.namespace(
        cluster, server=caller.home.registry, username=PULL_USERNAME, password=password(caller)
    )
    image = pushed(caller)
    make_secret(cluster)
    for name, secret in (("aaa1111", SECRET), ("bbb2222", "")):
        operated.release(cluster, image, name, secret=secret)
        eventually(f"release {name}", lambda: progress(cluster), COMPLETE)
    operated.release(cluster, image, "ccc3333", probe="/never")
    eventually("release ccc3333", lambda: progress(cluster), "ProgressDeadlineExceeded")
    return operated.stack_on(cluster)


def make_secret(cluster: Cluster) -> None:
    cluster.kubectl("--namespace=auth", "create", "secret", "generic", SECRET)
    cluster.kubectl("--namespace=auth", "label", "secret", SECRET, "app.kubernetes.io/name=auth")


def progress(cluster: Cluster) -> str:
    found = cluster.get("deployment", "auth", "--namespace=auth")
    if found["status"].get("observedGeneration") != found["metadata"]["generation"]:
        return ""
    conditions = {each["type"]: each["reason"] for each in found["status"].get("conditions", ())}
    return str(conditions.get("Progressing", ""))


def test_a_cluster_before_its_first_release_says_so(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = operated.stack_on(cluster)

    assert operated.run(stack, "status") == 0
    assert "No release of auth is live on this cluster." in capsys.readouterr().out
    assert history(stack, capsys) == []
    assert operated.run(stack, "logs") == 0
    with pytest.raises(StackError, match="no earlier release to roll back to"):
        operated.run(stack, "rollback")


def test_the_status_shows_the_pods_that_serve_and_why_the_newest_release_does_not(
    stack: ClusterStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert operated.run(stack, "status", "--json") == 0

    status = json.loads(capsys.readouterr().out)
    assert (status["live"]["release"], status["live"]["revision"]) == (2, "bbb2222")
    assert (status["live"]["ready"], status["live"]["wanted"]) == (2, 2)
    failed = status["went_back"]
    assert (failed["release"], failed["note"]) == (3, "runs, and is not ready yet")
    assert len(status["others"]) == 1
    nodes = {node["name"]: node["reason"] for node in status["cluster"]["nodes"]}
    assert {pod["node"] for pod in status["cluster"]["pods"]} <= set(nodes)
    assert set(nodes.values()) == {""}

    assert operated.run(stack, "status") == 0

    shown = capsys.readouterr().out
    assert "Release 2 of auth is live and is not ready: the load balancer has no" in shown
    assert "pods     2 of 2 ready" in shown
    assert "Release 3 by ann@example.com on laptop failed: runs, and is not ready yet" in shown


def test_the_history_has_each_release_with_its_person_and_its_outcome(
    stack: ClusterStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert operated.run(stack, "history", "--json") == 0

    rows = json.loads(capsys.readouterr().out)
    assert [(row["release"], row["outcome"], row["revision"]) for row in rows] == [
        (3, "failed", "ccc3333"),
        (2, "live", "bbb2222"),
        (1, "replaced", "aaa1111"),
    ]
    assert {row["by"] for row in rows} == {"ann@example.com on laptop"}


def test_the_log_has_the_lines_of_all_pods_in_the_order_of_their_times(
    stack: ClusterStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert operated.run(stack, "logs", "--grep=begins") == 0

    lines = capsys.readouterr().out.splitlines()
    sources = [line.partition(" | ")[0] for line in lines]
    assert [line.partition(" | ")[2] for line in lines] == [
        *["release bbb2222 begins"] * 2,
        "release ccc3333 begins",
    ]
    assert len(set(sources)) == 3

    assert operated.run(stack, "logs", "--lines=4") == 0

    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_followed_log_shows_a_pod_that_began_meanwhile_and_ends_with_its_reader(
    cluster: Cluster, stack: ClusterStack
) -> None:
    with operated.started(stack, "logs", "--follow", "--grep=begins") as process:
        assert process.stdout
        shown = {process.stdout.readline() for _ in range(3)}
        live = next(line for line in shown if "bbb2222" in line).partition(" | ")[0]
        cluster.kubectl("--namespace=auth", "delete", "pod", live)
        later = process.stdout.readline()
        process.stdout.close()
        assert later.endswith("release bbb2222 begins\n")
        assert later not in shown
        assert process.wait(timeout=15) == 0


def test_a_command_runs_in_a_ready_pod_with_stdin_stdout_and_exit_status(
    stack: ClusterStack,
) -> None:
    # more than a message of the protocol holds, and no text
    content = bytes(range(256)) * 4096
    program = "import sys; sys.stdout.write(str(sum(sys.stdin.buffer.read()))); sys.exit(7)"
    done = operated.finished(stack, "exec", "--", "python3", "-c", program, stdin=content)
    assert (done.returncode, done.stdout) == (7, str(sum(content)).encode())


def test_a_program_that_the_image_does_not_have_is_named(stack: ClusterStack) -> None:
    with pytest.raises(StackError, match=r'The command did not run: .*"nope"'):
        operated.run(stack, "exec", "--", "nope")


def test_a_rollback_without_a_number_ends_a_release_that_is_not_ready(
    stack: ClusterStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert operated.run(stack, "rollback") == 0

    assert "Release 4 is live (rollback to release 2)." in capsys.readouterr().out
    newest, failed, *_ = history(stack, capsys)
    assert (newest["release"], newest["revision"], newest["outcome"]) == (4, "bbb2222", "live")
    assert newest["person"] == person.current()
    assert failed["revision"] == "ccc3333"


def test_a_rollback_that_lacks_a_secret_changes_nothing(
    cluster: Cluster, stack: ClusterStack, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.kubectl("--namespace=auth", "delete", "secret", SECRET)
    before = history(stack, capsys)

    with pytest.raises(StackError, match=rf"to release 1: its Secret {SECRET} is gone"):
        operated.run(stack, "rollback", "--to", "1")

    assert history(stack, capsys) == before


def test_a_rollback_by_number_is_a_new_release_of_the_same_pods(
    cluster: Cluster, stack: ClusterStack, capsys: pytest.CaptureFixture[str]
) -> None:
    make_secret(cluster)

    assert operated.run(stack, "rollback", "--to", "1", "--json") == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["release"], report["revision"], report["made"]) == (5, "aaa1111", True)
    assert (report["ready"], report["wanted"]) == (2, 2)
    assert operated.run(stack, "rollback", "--to", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["made"] is False
    first = history(stack, capsys)[-1]
    assert (first["release"], first["note"]) == (1, "runs again as release 5")


def test_a_secret_goes_with_the_last_release_that_needs_it(
    cluster: Cluster, stack: ClusterStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    replica_sets = cluster.get("replicasets", "--namespace=auth")["items"]
    (of_secret,) = (each for each in replica_sets if SECRET in json.dumps(each["spec"]))
    operated.release(cluster, pushed(cluster.caller), "ddd4444")
    eventually("release ddd4444", lambda: progress(cluster), COMPLETE)
    pod = cluster.get("deployment", "auth", "--namespace=auth")["spec"]["template"]["spec"]
    assert "volumes" not in pod, "the rollback before it is over"

    def deleted() -> list[str]:
        return asyncio.run(former_secrets.delete(stack.text, "auth"))

    assert deleted() == [], "a rollback could need it"
    cluster.kubectl("--namespace=auth", "delete", "replicaset", of_secret["metadata"]["name"])
    assert deleted() == [SECRET]
    assert deleted() == []


def history(stack: ClusterStack, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert operated.run(stack, "history", "--json") == 0
    return list(json.loads(capsys.readouterr().out))


@pytest.fixture(scope="module", name="front")
def _front(place: Place, cluster: Cluster, web: list[Any]) -> Balancer:
    """Let clients from outside reach the pods, by HTTP and HTTPS."""
    assert web
    return exposed(cluster, place)


def test_a_service_of_type_load_balancer_is_served_by_the_nodes(
    cluster: Cluster, front: Balancer
) -> None:
    shown = front.client.get_load_balancer(front.id).data
    assert set(shown.listeners) == {"HTTP-80", "HTTP-443"}
    nodes = {each["metadata"]["name"] for each in cluster.get("nodes")["items"]}
    spec = cluster.get("service", "front")["spec"]
    for number, port in (("80", 0), ("443", 1)):
        backend_set = shown.backend_sets[f"TCP-{number}"]
        assert {each.ip_address for each in backend_set.backends} == nodes
        assert {each.port for each in backend_set.backends} == {spec["ports"][port]["nodePort"]}
        assert backend_set.health_checker.port == spec["healthCheckNodePort"]
    headers = front.ask()["headers"]
    assert (headers["X-Forwarded-Proto"], headers["X-Forwarded-Port"]) == ("http", "80")


def test_another_secret_is_another_certificate_of_the_listener(
    cluster: Cluster, front: Balancer, place: Place
) -> None:
    def subject() -> str:
        pem = ssl.get_server_certificate((front.address, 443)).encode()
        return x509.load_pem_x509_certificate(pem).subject.rfc4514_string()

    assert subject() == "CN=first"
    group = front.client.get_load_balancer(front.id).data.network_security_group_ids[0]
    applied(cluster, front_manifest(cluster, place, group, "second"))
    eventually("the certificate", subject, "CN=second", seconds=20)
    listed = front.client.list_certificates(front.id).data
    assert [each.certificate_name for each in listed] == ["second"]


def test_an_event_names_what_a_service_asks_for_in_vain(cluster: Cluster) -> None:
    cluster.kubectl("create", "service", "loadbalancer", "plain", "--tcp=80:8080")

    def message() -> str:
        selector = "--field-selector=involvedObject.name=plain,type=Warning"
        events = cluster.get("events", selector)["items"]
        return str(events[0]["message"]) if events else ""

    eventually("the event", lambda: "security-list-management-mode" in message(), True)
    cluster.kubectl("delete", "service", "plain")


def test_a_node_whose_instance_was_terminated_is_replaced_and_leaves_the_cluster(
    cluster: Cluster, pool_id: str, front: Balancer
) -> None:
    compute, lost = cluster.caller.compute, cluster.engine.get_node_pool(pool_id).data.nodes[0]
    uid = cluster.get("node", lost.private_ip)["metadata"]["uid"]
    compute.terminate_instance(lost.id)
    eventually("the instance", lambda: compute.get_instance(lost.id).data.lifecycle_state, OVER)

    def reconciled() -> list[tuple[str, str]]:
        requests = cluster.engine.list_work_requests(
            cluster.caller.compartment, resource_id=pool_id
        ).data
        return [(each.operation_type, each.status) for each in requests][:1]

    eventually("the pool", reconciled, [("NODEPOOL_RECONCILE", "SUCCEEDED")], seconds=180)
    pool = cluster.engine.get_node_pool(pool_id).data
    assert [each.lifecycle_state for each in pool.nodes] == ["ACTIVE"] * 2
    assert lost.id not in {each.id for each in pool.nodes}
    # the pool had nodes in two domains, and has them in two domains again
    assert len({each.availability_domain for each in pool.nodes}) == 2
    nodes = cluster.get("nodes")["items"]
    assert {each["metadata"]["name"] for each in nodes} == {each.private_ip for each in pool.nodes}
    assert uid not in {each["metadata"]["uid"] for each in nodes}
    rollout(cluster)

    def backends() -> set[str]:
        shown = front.client.get_load_balancer(front.id).data
        return {each.ip_address for each in shown.backend_sets["TCP-80"].backends}

    eventually("the backends", backends, {each.private_ip for each in pool.nodes})


def test_a_smaller_pool_moves_the_pods_loses_no_request_and_ends_the_instance(
    cluster: Cluster, pool_id: str, front: Balancer
) -> None:
    # the harder case: requests pass the node that leaves on their way to pods elsewhere
    policy = {"spec": {"externalTrafficPolicy": "Cluster"}}
    cluster.kubectl("patch", "service", "front", f"--patch={json.dumps(policy)}")
    checker = front.client.get_health_checker
    eventually("the port", lambda: checker(front.id, "TCP-80").data.port, KUBE_PROXY_PORT)
    front.wait_for_health("OK", "TCP-80")
    with Load(f"http://{front.address}") as load:
        shrink(cluster, pool_id)
    assert load.failures == [], str(load)


def shrink(cluster: Cluster, pool_id: str) -> None:
    """Take a node out of the pool."""
    last = cluster.engine.get_node_pool(pool_id).data.nodes[-1]
    details = models.UpdateNodePoolDetails(
        node_config_details=models.UpdateNodePoolNodeConfigDetails(size=1),
        # as the official plugin sends both with each update
        node_eviction_node_pool_settings=EVICTION,
        node_metadata={},
    )
    updated = cluster.engine.update_node_pool(pool_id, details)
    assert finished(cluster.engine, updated.headers["opc-work-request-id"]).status == "SUCCEEDED"
    rollout(cluster)
    names = {each["metadata"]["name"] for each in cluster.get("nodes")["items"]}
    assert last.private_ip not in names
    nodes = {pod["spec"]["nodeName"] for pod in cluster.get("pods")["items"]}
    assert nodes == names, cluster.kubectl("get", "pods", "--output=wide")
    compute = cluster.caller.compute
    eventually("the node", lambda: compute.get_instance(last.id).data.lifecycle_state, "TERMINATED")


def test_a_deleted_service_takes_its_load_balancer_along(cluster: Cluster, front: Balancer) -> None:
    cluster.kubectl("delete", "service", "front")
    assert front.client.get_load_balancer(front.id).data.lifecycle_state == "DELETED"


def test_a_deleted_cluster_takes_its_nodes_along(cluster: Cluster, pool_id: str) -> None:
    (node,) = cluster.engine.get_node_pool(pool_id).data.nodes
    deleted = cluster.engine.delete_cluster(cluster.id)
    assert finished(cluster.engine, deleted.headers["opc-work-request-id"]).status == "SUCCEEDED"
    assert cluster.engine.get_cluster(cluster.id).data.lifecycle_state == "DELETED"
    instance = cluster.caller.compute.get_instance(node.id).data
    assert instance.lifecycle_state == "TERMINATED"
    eventually(
        "the node pool",
        lambda: cluster.engine.get_node_pool(pool_id).data.lifecycle_state,
        "DELETED",
    )
    refused(409, "IncorrectState", cluster.engine.delete_cluster, cluster.id)
