"""A cluster for tests: made by the SDK, used by kubectl with tokens as the CLI makes them."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import oci
from oci.container_engine import models
from oci.core import models as core

from common.clone import CLONE
from localcloud.host import default_shape
from localcloud.state.home import Home
from tests.localcloud.caller import Caller
from tests.localcloud.launches import latest_image
from toolchain import kubernetes

API_PORT = 6443
# as the official plugin sends it
EVICTION = models.NodeEvictionNodePoolSettings(
    eviction_grace_duration="PT5M",
    is_force_delete_after_grace_duration=True,
    is_force_action_after_grace_duration=False,
)
_VCN = "10.0.0.0/16"
_KUBECTL_SECONDS = 60
# `oci ce cluster generate-token --cluster-id ID --region REGION` of Oracle's CLI, whose packages
# contradict ours: the signed request is made by the same SDK, in the same way
_OCI = """#!{python}
import base64, datetime, json, sys
from requests import Request
import oci
config = json.load(open({config!r}))
arguments = dict(zip(sys.argv[4::2], sys.argv[5::2]))
assert sys.argv[1:4] == ["ce", "cluster", "generate-token"], sys.argv
url = "https://containerengine.%s.oraclecloud.com/cluster_request/%s" % (
    arguments["--region"], arguments["--cluster-id"])
signer = oci.signer.Signer.from_config(config)
signed = signer.do_request_sign(Request("GET", url).prepare())
headers = {{name: signed.headers[name] for name in ("authorization", "date")}}
query = Request("GET", url, params=headers).prepare().url
token = base64.urlsafe_b64encode(query.encode()).decode()
expiry = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=4)).isoformat()
print(json.dumps({{
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "kind": "ExecCredential",
    "status": {{"token": token, "expirationTimestamp": expiry.replace("+00:00", "Z")}},
}}))
"""


class KubectlError(Exception):
    """kubectl refused; the text has its last words."""


def with_program(home: Home) -> Path:
    """Let a cloud make clusters; return the program of Kubernetes, built if it is not there."""
    program = kubernetes.ensure(CLONE)
    command = ("kubernetes", "--home", str(home.path), "--program", str(program))
    subprocess.run([sys.executable, "-m", "localcloud", *command], cwd=CLONE, check=True)
    return program


@dataclass(frozen=True)
class Place:
    """A VCN with a subnet, in which the API server and the nodes reach each other."""

    caller: Caller
    vcn: Any
    subnet: Any
    group: Any

    @classmethod
    def create(cls, caller: Caller) -> "Place":
        vcn = caller.vcn(_VCN)
        gateway = caller.network.create_internet_gateway(
            core.CreateInternetGatewayDetails(
                compartment_id=caller.compartment, vcn_id=vcn.id, is_enabled=True
            )
        ).data
        route = core.RouteRule(network_entity_id=gateway.id, destination="0.0.0.0/0")
        caller.network.update_route_table(
            vcn.default_route_table_id, core.UpdateRouteTableDetails(route_rules=[route])
        )
        place = cls(caller, vcn, caller.subnet(vcn), caller.group(vcn))
        rule = core.AddSecurityRuleDetails
        ports = core.TcpOptions(destination_port_range=core.PortRange(min=API_PORT, max=API_PORT))
        rules = [
            rule(direction="INGRESS", protocol="all", source=_VCN),
            rule(direction="INGRESS", protocol="6", source="0.0.0.0/0", tcp_options=ports),
        ]
        caller.network.add_network_security_group_security_rules(
            place.group.id,
            core.AddNetworkSecurityGroupSecurityRulesDetails(security_rules=rules),
        )
        return place

    def cluster_details(self, version: str, **fields: Any) -> Any:
        return models.CreateClusterDetails(
            **{
                "name": "auth",
                "compartment_id": self.caller.compartment,
                "vcn_id": self.vcn.id,
                "kubernetes_version": version,
                "type": "BASIC_CLUSTER",
                "endpoint_config": models.CreateClusterEndpointConfigDetails(
                    subnet_id=self.subnet.id, nsg_ids=[self.group.id], is_public_ip_enabled=True
                ),
                "cluster_pod_network_options": [
                    models.FlannelOverlayClusterPodNetworkOptionDetails()
                ],
                **fields,
            }
        )

    def node_pool_details(self, cluster_id: str, *, size: int) -> Any:
        return models.CreateNodePoolDetails(
            compartment_id=self.caller.compartment,
            cluster_id=cluster_id,
            name="web",
            node_shape=default_shape(),
            node_shape_config=models.CreateNodeShapeConfigDetails(ocpus=1, memory_in_gbs=4),
            node_source_details=models.NodeSourceViaImageDetails(
                image_id=latest_image(self.caller)
            ),
            node_config_details=models.CreateNodePoolNodeConfigDetails(
                size=size,
                nsg_ids=[self.group.id],
                placement_configs=[
                    models.NodePoolPlacementConfigDetails(
                        availability_domain=domain, subnet_id=self.subnet.id
                    )
                    for domain in self.caller.domains
                ],
            ),
            initial_node_labels=[models.KeyValue(key="tier", value="web")],
            node_eviction_node_pool_settings=EVICTION,
        )


@dataclass(frozen=True)
class Cluster:
    """An ACTIVE cluster, and the folder of its kubeconfig."""

    caller: Caller
    id: str
    program: Path
    folder: Path

    @cached_property
    def engine(self) -> Any:
        return self.caller.client(oci.container_engine.ContainerEngineClient)

    def kubectl(self, *argv: str, stdin: str = "", config: dict[str, str] | None = None) -> str:
        """Run kubectl as the cloud's user, or as the user of another configuration of the SDK."""
        done = subprocess.run(
            [self.program, "kubectl", f"--kubeconfig={self._file}", *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_KUBECTL_SECONDS,
            check=False,
            env=self._environment(config or self.caller.config),
        )
        if done.returncode != 0:
            raise KubectlError(done.stderr[-2000:])
        return done.stdout

    def get(self, *argv: str) -> Any:
        return json.loads(self.kubectl("get", *argv, "--output=json"))

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the kubeconfig's command makes tokens of the cloud's user."""
        return self._environment(self.caller.config)

    @cached_property
    def kubeconfig(self) -> str:
        return str(self.engine.create_kubeconfig(self.id).data.content.decode())

    @cached_property
    def _file(self) -> Path:
        file = self.folder / "kubeconfig"
        file.write_text(self.kubeconfig)
        return file

    def _environment(self, config: dict[str, str]) -> dict[str, str]:
        folder = self.folder / config["user"][-8:]
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config))
        command = folder / "oci"
        command.write_text(_OCI.format(python=sys.executable, config=str(folder / "config.json")))
        command.chmod(0o755)
        path = os.pathsep.join([str(folder), os.environ["PATH"]])
        return {"PATH": path, "HOME": str(folder), "PYTHONPATH": str(CLONE)}


def finished(engine: Any, request_id: str, seconds: float = 240) -> Any:
    """Wait for a work request; return it once it is over."""
    deadline = time.monotonic() + seconds
    while True:
        request = engine.get_work_request(request_id).data
        if request.time_finished:
            return request
        assert time.monotonic() < deadline, f"work request {request_id} is still {request.status}"
        time.sleep(0.3)
