"""The user data of a cluster's machines: it makes them a control plane or a node.

Source of the certificates' names: https://kubernetes.io/docs/setup/best-practices/certificates/
"""

import base64
import json
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from localcloud.certificates import KeyPair, issue
from localcloud.services.container_engine import addons

_FOLDER = "/etc/kubernetes"
ADMINISTRATOR = f"{_FOLDER}/admin.conf"  # a kubeconfig on the control plane
_LOCAL = "127.0.0.1"


def of_a_control_plane(
    authority: KeyPair,
    *,
    endpoint: IPv4Address,
    public_ip: IPv4Address | None,
    vcn: str,
    pods: str,
    services: str,
    token_review_url: str,
) -> str:
    """Return the user data, in Base64, of a control plane at the private address `endpoint`."""
    addresses = [IPv4Address(_LOCAL), endpoint, IPv4Network(services)[1]]
    hosts = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    server = issue(
        authority,
        "kube-apiserver",
        addresses=[*addresses, *([public_ip] if public_ip else [])],
        hosts=hosts,
    )
    clients = {
        "kubelet-client": ("kube-apiserver-kubelet-client", "system:masters"),
        "controller-manager": ("system:kube-controller-manager", None),
        "scheduler": ("system:kube-scheduler", None),
        "admin": ("localcloud", "system:masters"),
        "front-proxy-client": ("front-proxy-client", None),
        "metrics-server": ("metrics-server", "system:masters"),
    }
    contents = {"ca.crt": authority.certificate} | _files("apiserver", server)
    for name, (user, group) in clients.items():
        contents |= _files(name, issue(authority, user, group=group))
    for name in ("controller-manager", "scheduler", "admin", "metrics-server"):
        contents[f"{name}.conf"] = _kubeconfig(_LOCAL, name)
    contents |= _files("service-accounts", issue(authority, "service-accounts"))
    contents["token-review.conf"] = _config({"server": token_review_url}, {})
    contents["addons.json"] = json.dumps(addons.objects(endpoint))
    variables = {"ENDPOINT": str(endpoint), "VCN": vcn, "PODS": pods, "SERVICES": services}
    # the last file: systemd waits for it
    return _cloud_config(contents | {"control-plane.env": _environment(variables)})


def of_a_node(
    authority: KeyPair,
    *,
    node: str,
    instance_id: str,
    server: str,
    vcn: str,
    pods: str,
    labels: Mapping[str, str],
) -> str:
    """Return the user data, in Base64, of a node with the private address `node`."""
    kubelet = issue(authority, f"system:node:{node}", group="system:nodes")
    proxy = issue(authority, "system:kube-proxy")
    contents = {
        "ca.crt": authority.certificate,
        **_files("kubelet", kubelet),
        **_files("kube-proxy", proxy),
        "kubelet.conf": _kubeconfig(server, "kubelet"),
        "kube-proxy.conf": _kubeconfig(server, "kube-proxy"),
        "node.env": _environment(
            {
                "NODE": node,
                "INSTANCE": instance_id,
                "VCN": vcn,
                "LABELS": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
            }
        ),
        # the last file: systemd waits for it
        "node.json": json.dumps({"node": node, "server": server, "vcn": vcn, "pods": pods}),
    }
    return _cloud_config(contents)


def _files(name: str, pair: KeyPair) -> dict[str, str]:
    return {f"{name}.crt": pair.certificate, f"{name}.key": pair.key}


def _kubeconfig(server: str, name: str) -> str:
    certificate = {
        "client-certificate": f"{_FOLDER}/{name}.crt",
        "client-key": f"{_FOLDER}/{name}.key",
    }
    cluster = {"server": f"https://{server}:6443", "certificate-authority": f"{_FOLDER}/ca.crt"}
    return _config(cluster, certificate)


def _config(cluster: Mapping[str, str], user: Mapping[str, str]) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "main", "context": {"cluster": "cluster", "user": "user"}}],
            "current-context": "main",
        }
    )


def _environment(variables: Mapping[str, str]) -> str:
    return "".join(f'{name}="{value}"\n' for name, value in variables.items())


def _cloud_config(contents: Mapping[str, str]) -> str:
    files = [
        {"path": f"{_FOLDER}/{name}", "permissions": "0600", "content": content}
        for name, content in contents.items()
    ]
    text = f"#cloud-config\n{json.dumps({'write_files': files})}"
    return base64.b64encode(text.encode()).decode()
