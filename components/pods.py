"""The pods of a service: Kubernetes' documents, from plain values.

Source of the fields: https://kubernetes.io/docs/reference/kubernetes-api/
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from host.auth_release.desired import Health, Limits

if TYPE_CHECKING:
    import pulumi

Document = dict[str, Any]

NAME = "app.kubernetes.io/name"  # the label of all objects of a service
_COMPONENT = "app.kubernetes.io/component"
REVISION = "auth-on-oci/revision"  # of the sources
FINGERPRINT = "auth-on-oci/fingerprint"  # of the pod template
# The balancer takes a pod out of its backends meanwhile, and new connections still reach it.
LEAVE_SECONDS = 10
_SECRETS, _DATA, _TEMPORARY = "/run/secrets", "/data", "/tmp"  # noqa: S108 - the container's own
_PULL_SECONDS = 30  # of an image on a node that has none of its layers
_SURGE_SECONDS = 5  # of a pod after the first, whose image is there
# until the pods of a node that went away are made elsewhere; Kubernetes' own are 300
_AWAY_SECONDS = 30
_CPU_REQUEST = "200m"  # small: during a rollout a node carries another pod


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod with the service's container; times in seconds.

    `secrets` names the Secret whose keys are files, and `secret_names` are these keys. Values that
    are known later stay what they are in the documents, so that a preview shows the others.
    """

    service: str
    image: "pulumi.Input[str]"  # by digest
    revision: str
    port: int
    uid: int
    variables: "Mapping[str, pulumi.Input[str]]"
    secrets: "pulumi.Input[str]"
    secret_names: Sequence[str]
    health: Health
    live_path: str  # of the liveness probe: it answers without the database
    limits: Limits
    end_seconds: int  # from the signal to the end of the container

    def template(self) -> Document:
        """Return the pod template of the Deployment, without its fingerprint."""
        return {
            "metadata": {
                "labels": serving(self.service),
                "annotations": {REVISION: self.revision},
            },
            "spec": self._spec(),
        }

    def job(self, command: Sequence[str], *, seconds: float) -> Document:
        """Return the spec of a Job that runs a command in a container like the service's, once."""
        container = {
            **self._container(),
            "command": list(command),
        }
        return {
            "backoffLimit": 1,
            "activeDeadlineSeconds": math.ceil(seconds),
            "template": {
                "metadata": {"labels": {**labels(self.service), _COMPONENT: "job"}},
                "spec": {
                    **self._frame(),
                    "restartPolicy": "Never",
                    "containers": [container],
                },
            },
        }

    def _spec(self) -> Document:
        live = {"httpGet": {"path": self.live_path, "port": self.port}, "timeoutSeconds": 5}
        ready = {"httpGet": {"path": self.health.path, "port": self.port}, "timeoutSeconds": 2}
        served = {
            **self._container(),
            "ports": [{"name": "http", "containerPort": self.port, "protocol": "TCP"}],
            "startupProbe": {
                **live,
                "periodSeconds": 1,
                "failureThreshold": math.ceil(self.health.deadline_seconds),
            },
            "readinessProbe": {**ready, "periodSeconds": 1, "failureThreshold": 3},
            "livenessProbe": {**live, "periodSeconds": 10, "failureThreshold": 3},
            "lifecycle": {"preStop": {"sleep": {"seconds": LEAVE_SECONDS}}},
        }
        return {
            **self._frame(),
            "terminationGracePeriodSeconds": LEAVE_SECONDS + self.end_seconds,
            "topologySpreadConstraints": [
                self._spread("kubernetes.io/hostname"),
                self._spread("topology.kubernetes.io/zone"),
            ],
            "tolerations": [_leaves("not-ready"), _leaves("unreachable")],
            "containers": [served],
        }

    def _frame(self) -> Document:
        """Return the fields of any pod of the service: what the profile `restricted` demands."""
        return {
            "serviceAccountName": self.service,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": [{"name": REGISTRY}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": self.uid,
                "runAsGroup": self.uid,
                "fsGroup": self.uid,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": [
                {"name": "secrets", "secret": {"secretName": self.secrets, "defaultMode": 0o440}},
                {"name": "data", "emptyDir": {"sizeLimit": "64Mi"}},
                {"name": "temporary", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            ],
        }

    def _container(self) -> Document:
        files = {f"{name}_FILE": f"{_SECRETS}/{name}" for name in self.secret_names}
        variables = {**self.variables, **files}
        memory = f"{self.limits.memory_bytes}"
        return {
            "name": self.service,
            "image": self.image,
            # the last lines of a container that fails are then in its status
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "env": [{"name": name, "value": variables[name]} for name in sorted(variables)],
            "resources": {
                "requests": {"cpu": _CPU_REQUEST, "memory": memory},
                "limits": {"memory": memory},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
            "volumeMounts": [
                {"name": "secrets", "mountPath": _SECRETS, "readOnly": True},
                {"name": "data", "mountPath": _DATA},
                {"name": "temporary", "mountPath": _TEMPORARY},
            ],
        }

    def _spread(self, key: str) -> Document:
        return {
            "maxSkew": 1,
            "topologyKey": key,
            # a pod beside another is better than none
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": serving(self.service)},
            # those of the release before count for nothing
            "matchLabelKeys": ["pod-template-hash"],
        }


def _leaves(taint: str) -> Document:
    return {
        "key": f"node.kubernetes.io/{taint}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": _AWAY_SECONDS,
    }


REGISTRY = "registry"  # the Secret with the login for images


def labels(service: str) -> dict[str, str]:
    """Return the labels of all objects and pods of a service."""
    return {NAME: service}


def serving(service: str) -> dict[str, str]:
    """Return the labels of the pods that serve: a Job's pod must not get requests."""
    return {**labels(service), _COMPONENT: "server"}


def deployment(pod: Pod, *, replicas: int, fingerprint: "pulumi.Input[str]") -> Document:
    """Return the spec of a Deployment in which no pod ends before another is ready in its place."""
    template = pod.template()
    template["metadata"]["annotations"][FINGERPRINT] = fingerprint
    return {
        "replicas": replicas,
        "minReadySeconds": math.ceil(pod.health.stable_seconds),
        "progressDeadlineSeconds": progress_seconds(pod.health),
        "revisionHistoryLimit": 10,
        "selector": {"matchLabels": serving(pod.service)},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "template": template,
    }


def progress_seconds(health: Health) -> int:
    """Return the time for one pod of a rollout, from its image to its readiness."""
    return math.ceil(health.deadline_seconds) + _PULL_SECONDS


def rollout_seconds(health: Health, *, most: int) -> int:
    """Return the time after which a rollout of so many pods has failed."""
    return progress_seconds(health) + _SURGE_SECONDS * most


def digest(document: Any) -> str:
    """Return 8 hexadecimal digits for a document: the same digits for the same content."""
    text = json.dumps(document, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def login(*, server: str, username: str, password: str) -> str:
    """Return the document of a Secret of the type kubernetes.io/dockerconfigjson."""
    return json.dumps({"auths": {server: {"username": username, "password": password}}})


def policy(service: str, port: int, *, clients: Sequence[str]) -> Document:
    """Return the spec of a NetworkPolicy: in from IPv4 blocks, out to all but the metadata."""
    dns = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return {
        "podSelector": {"matchLabels": labels(service)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [{"ipBlock": {"cidr": cidr}} for cidr in clients],
                "ports": [{"protocol": "TCP", "port": port}],
            }
        ],
        "egress": [
            {"ports": dns},
            # the metadata of the node has its certificate
            {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]},
        ],
    }


def scaling(service: str, *, least: int, most: int) -> Document:
    """Return the spec of a HorizontalPodAutoscaler, by the processor time of a pod."""
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": service},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "AverageValue", "averageValue": _CPU_OF_A_BUSY_POD},
                },
            }
        ],
    }


_CPU_OF_A_BUSY_POD = "600m"  # on average over the pods: another pod is started
