"""The local stack's configuration, completed with what only this machine can know."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from toolchain import secrets
from toolchain.stack import Stack


def complete_local(stack: Stack, cloud: Mapping[str, Any]) -> None:
    """Write the local stack's configuration: the committed values and what this machine adds.

    `cloud` is what `python -m localcloud describe` prints. Secrets that the file already has are
    kept as they are, and so are keys that only `pulumi config set` put there; a changed value of
    the committed file or of the emulated cloud replaces the old one.
    """
    stack.create()
    committed = yaml.safe_load((stack.clone / "Pulumi.local.yaml").read_text())["config"]
    before: dict[str, Any] = {}
    if stack.configuration.exists():
        before = yaml.safe_load(stack.configuration.read_text()) or {}
    registry = cloud["registry"]
    added = {
        "oci:region": cloud["region"],
        "oci:tenancyOcid": cloud["tenancy_ocid"],
        "oci:userOcid": cloud["user_ocid"],
        "oci:fingerprint": cloud["fingerprint"],
        "oci:privateKeyPath": cloud["private_key_file"],
        "auth:compartmentOcid": cloud["compartment_ocid"],
        "auth:shape": cloud["shape"],
        "auth:imageRepository": f"{registry['server']}/auth/auth-service",
        "auth:registryUsername": registry["username"],
        "auth:registryPullUsername": registry["pull_username"],
        "auth:baseImage": cloud["docker_bases"]["base"],
        "auth:builderImage": cloud["docker_bases"]["builder"],
    }
    known = {**committed, **added}
    kept = {
        key: value
        for key, value in (before.get("config") or {}).items()
        if key not in known or (isinstance(value, dict) and "secure" in value)
    }
    document = {**before, "config": {**known, **kept}}
    text = yaml.safe_dump(document, sort_keys=False)
    if not stack.configuration.exists() or stack.configuration.read_text() != text:
        secrets.write(stack.configuration, text)
    stack.make_secrets()
    for key, file in (
        ("registryPassword", registry["password_file"]),
        ("registryPullPassword", registry["pull_password_file"]),
    ):
        if f"auth:{key}" not in kept:
            stack.set_secret(key, Path(file).read_text().strip())
