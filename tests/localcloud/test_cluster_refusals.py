"""The refusals of Container Engine: none of them needs a machine."""

from pathlib import Path
from typing import Any

import oci
import pytest
from oci.container_engine import models

from localcloud.machines import kubernetes
from localcloud.state.home import HomeError
from tests.localcloud.caller import Caller, refused
from tests.localcloud.cluster import Place, finished

VERSION = "v1.34.4"


@pytest.fixture(name="engine")
def _engine(caller: Caller) -> Any:
    return caller.client(oci.container_engine.ContainerEngineClient)


@pytest.fixture(name="place")
def _place(caller: Caller) -> Place:
    return Place.create(caller)


def program(folder: Path, answer: str) -> Path:
    file = folder / "kubernetes"
    file.write_text(f"#!/bin/sh\necho '{answer}'\n")
    file.chmod(0o755)
    return file


@pytest.fixture(name="named")
def _named(caller: Caller, tmp_path: Path) -> None:
    kubernetes.name(caller.home, program(tmp_path, f"Kubernetes {VERSION}"))


def test_a_cloud_without_the_program_says_how_to_get_it(
    caller: Caller, engine: Any, place: Place
) -> None:
    (caller.home.path / "kubernetes.json").unlink(missing_ok=True)
    text = refused(400, "NotImplemented", engine.create_cluster, place.cluster_details(VERSION))
    assert "python -m toolchain kubernetes" in text
    assert f"python -m localcloud kubernetes --home {caller.home.path} --program FILE" in text


def test_another_program_is_refused_as_the_program_of_clusters(
    caller: Caller, tmp_path: Path
) -> None:
    with pytest.raises(HomeError, match=r"No such file or directory\. Build the program with"):
        kubernetes.name(caller.home, tmp_path / "missing")
    other = program(tmp_path, "kubectl 1")
    with pytest.raises(HomeError, match=r"answers 'kubectl 1\\n'"):
        kubernetes.name(caller.home, other)


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"kubernetes_version": "v1.20.1"}, "InvalidParameter", f"Supported: {VERSION}"),
        ({"type": "ENHANCED_CLUSTER"}, "NotImplemented", "ENHANCED_CLUSTER"),
        ({"endpoint_config": None}, "MissingParameter", "endpointConfig"),
        (
            {
                "options": models.ClusterCreateOptions(
                    kubernetes_network_config=models.KubernetesNetworkConfig(
                        pods_cidr="10.0.0.0/17"
                    )
                )
            },
            "InvalidParameter",
            "podsCidr 10.0.0.0/17 overlaps 10.0.0.0/16 of VCN",
        ),
        (
            {
                "options": models.ClusterCreateOptions(
                    kubernetes_network_config=models.KubernetesNetworkConfig(
                        pods_cidr="10.96.0.0/12"
                    )
                )
            },
            "InvalidParameter",
            "overlaps 10.96.0.0/16 of servicesCidr",
        ),
    ],
)
def test_a_cluster_that_can_not_be_made_is_refused(
    engine: Any, place: Place, fields: dict[str, Any], code: str, words: str
) -> None:
    details = place.cluster_details(VERSION, **fields)
    assert words in refused(400, code, engine.create_cluster, details)


@pytest.mark.usefixtures("named")
def test_a_cluster_without_a_machine_fails_with_the_reason_and_takes_no_nodes(
    caller: Caller, engine: Any, place: Place
) -> None:
    created = engine.create_cluster(place.cluster_details(VERSION))
    request = engine.get_work_request(created.headers["opc-work-request-id"]).data
    cluster_id = request.resources[0].identifier
    # this cloud has no network for machines
    request = finished(engine, request.id)
    assert (request.operation_type, request.status) == ("CLUSTER_CREATE", "FAILED")
    assert request.resources[0].action_type == "FAILED"
    (problem,) = engine.list_work_request_errors(caller.compartment, request.id).data
    assert "no control plane: `docker network" in problem.message
    details = place.node_pool_details(cluster_id, size=1)
    assert "is FAILED" in refused(409, "IncorrectState", engine.create_node_pool, details)


@pytest.mark.usefixtures("named")
def test_a_repeated_request_with_the_same_token_makes_one_cluster(
    caller: Caller, engine: Any, place: Place
) -> None:
    details = place.cluster_details(VERSION, name="once")
    first, second = (
        engine.create_cluster(details, opc_retry_token="cluster").headers["opc-work-request-id"]
        for _ in range(2)
    )
    assert first == second
    assert len(engine.list_clusters(caller.compartment, name="once").data) == 1


@pytest.mark.usefixtures("named")
def test_nobody_but_the_clusters_own_api_server_has_tokens_reviewed(
    caller: Caller, engine: Any, place: Place
) -> None:
    created = engine.create_cluster(place.cluster_details(VERSION))
    request = engine.get_work_request(created.headers["opc-work-request-id"]).data
    cluster_id = request.resources[0].identifier
    with caller.control() as http:
        path = f"/clusters/{cluster_id}/token-review/wrong"
        answer = http.post(path, json={"spec": {"token": "x"}})
    assert answer.status_code == 401
