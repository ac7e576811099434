"""The files of a machine's first boot: cloud-init's seed and its place in the network."""

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

API_FOLDER = "/var/lib/localcloud/api"  # with the socket of the API
_SEED = "var/lib/cloud/seed/nocloud"


@dataclass(frozen=True, kw_only=True)
class MachineSpec:
    """A machine to launch. `user_data` is decoded; `private_ip` is the VNIC's; memory is in GB.

    `document` is the metadata service's answer to this machine. For `apt_busy_seconds` after its
    first boot, package updates hold apt's and dpkg's locks. A machine `in_a_cluster` is a node or a
    control plane, and has the program of Kubernetes.
    """

    instance_id: str
    hostname: str
    private_ip: str
    prefix_length: int
    ocpus: float
    memory_in_gbs: float
    user_data: bytes
    ssh_authorized_keys: str
    metadata: Mapping[str, str]
    document: Mapping[str, Any]
    apt_busy_seconds: float = 0
    in_a_cluster: bool = False


def files(spec: MachineSpec, *, registry: str, api: str, ingress: str) -> dict[str, str]:
    """Return the files, by path, that make the image this machine.

    `registry` is the address in the names of images, `api` the address of the API, and `ingress`
    the first packet filter.
    """
    meta_data = {
        "instance-id": spec.instance_id,
        "local-hostname": spec.hostname,
        "public-keys": [key.strip() for key in spec.ssh_authorized_keys.split("\n") if key.strip()],
        **{key: value for key, value in spec.metadata.items() if key not in _OWN_KEYS},
    }
    busy = {"etc/localcloud/apt-busy-seconds": f"{spec.apt_busy_seconds}\n"}
    return {
        **(busy if spec.apt_busy_seconds else {}),
        # JSON is YAML
        f"{_SEED}/meta-data": json.dumps(meta_data),
        f"{_SEED}/user-data": spec.user_data.decode("latin-1"),
        "etc/localcloud/network": (
            f"PRIVATE_IP={spec.private_ip}\nPREFIX_LENGTH={spec.prefix_length}\n"
        ),
        "etc/localcloud/ingress": ingress,
        "etc/systemd/system/localcloud-registry.socket.d/address.conf": (
            f"[Socket]\nListenStream={registry}\n"
        ),
        "etc/systemd/system/localcloud-api.socket": (
            f"[Unit]\nDescription=The address of the cloud's API\n[Socket]\nListenStream={api}\n"
        ),
        "etc/systemd/system/localcloud-api.service": (
            "[Unit]\nDescription=The way to the cloud's API, at its address outside\n"
            f"[Service]\nExecStart=/lib/systemd/systemd-socket-proxyd {API_FOLDER}/api.sock\n"
        ),
        "etc/systemd/system/sockets.target.d/localcloud-api.conf": (
            "[Unit]\nWants=localcloud-api.socket\n"
        ),
    }


_OWN_KEYS = ("user_data", "ssh_authorized_keys")


def archive(contents: Mapping[str, str]) -> bytes:
    """Pack files for `docker cp -`, readable by root alone: user data may hold secrets."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in contents.items():
            data = text.encode("latin-1")
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
