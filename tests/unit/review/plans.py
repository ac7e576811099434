"""Event logs to judge: recorded from the engine, and made up for cases that can't be recorded."""

import json
from pathlib import Path
from typing import Any

from review import events
from review.events import Plan

RECORDED = Path(__file__).with_name("recorded")
VM = ("oci:Core/instance:Instance", "auth-vm")
ADDRESS = ("oci:Core/publicIp:PublicIp", "auth-address")
VOLUME = ("oci:Core/volume:Volume", "auth-data")
DB_SYSTEM = ("oci:Psql/dbSystem:DbSystem", "auth-database")
CLUSTER = ("oci:ContainerEngine/cluster:Cluster", "auth-cluster")
NODE_POOL = ("oci:ContainerEngine/nodePool:NodePool", "auth-nodes")
NAMESPACE = ("kubernetes:core/v1:Namespace", "auth-namespace")
SECRETS = ("kubernetes:core/v1:Secret", "auth-secrets")
DEPLOYMENT = ("kubernetes:apps/v1:Deployment", "auth-deployment")
SERVICE = ("kubernetes:core/v1:Service", "auth-service")
WORKLOAD = ("auth:workload:Workload", "auth")
RULE = (
    "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule",
    "auth-nsg-22",
)
RELEASE = ("auth:release:Release", "auth")
IMAGE = ("auth:image:Image", "auth")
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def recorded(name: str) -> Plan:
    return events.read((RECORDED / f"{name}.jsonl").read_bytes())


def step(
    what: tuple[str, str],
    operation: str,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    differs: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Make a step of the engine; `differs` maps a property path to its kind of difference."""
    token, name = what
    custom = not token.startswith("auth:")
    return {
        "resourcePreEvent": {
            "metadata": {
                "op": operation,
                "urn": f"urn:pulumi:dev::auth::{token}::{name}",
                "type": token,
                "old": {"custom": custom, "inputs": old or {}} if operation != "create" else None,
                "new": {"custom": custom, "inputs": new or {}} if operation != "delete" else None,
                "detailedDiff": {
                    path: {"diffKind": kind, "inputDiff": True}
                    for path, kind in (differs or {}).items()
                },
            }
        }
    }


def said(severity: str, message: str) -> dict[str, Any]:
    return {"diagnosticEvent": {"severity": severity, "message": message}}


def log(*found: dict[str, Any], result: str = "succeeded") -> bytes:
    summary = {"summaryEvent": {"resourceChanges": {"same": 3}, "result": result}}
    # as the engine writes it: what is no control character stands there as it is
    lines = [json.dumps(event, ensure_ascii=False) + "\n" for event in (*found, summary)]
    return "".join(lines).encode()


def plan(*found: dict[str, Any], result: str = "succeeded") -> Plan:
    return events.read(log(*found, result=result))
