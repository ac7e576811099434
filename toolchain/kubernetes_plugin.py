"""Pulumi's plugin for Kubernetes, for the platform `cluster`: the official one, or none.

Where its download can't be had, it is built from its own Go modules. A stand-in would have to wait
for a rollout as the plugin does, and that is most of the plugin's work (docs/adr/0041-workload.md).
"""

from collections.abc import Mapping
from pathlib import Path

from common import files
from toolchain import kubernetes, plugins
from toolchain.plugins import KUBERNETES


def ensure(clone: Path, env: Mapping[str, str], *, local: bool) -> Path:
    """Put the plugin where the engine of the stack looks for it, and return its file.

    `local`: for a stack on the emulated cloud, whose engine has a home of its own.
    """
    target = plugins.executable(plugins.home(clone) if local else plugins.users_home(), KUBERNETES)
    if target.exists():
        return target
    plugin = plugins.official_plugin(KUBERNETES, env)
    if plugin is None:
        reason = plugins.download(clone, KUBERNETES, env)
        plugin = plugins.official_plugin(KUBERNETES, env) if reason is None else None
    files.link(target, plugin or _built(clone, local=local))
    return target


def _built(clone: Path, *, local: bool) -> Path:
    """Build the plugin; an emulated cluster's program, which its stack needs next, shares most."""
    return kubernetes.ensure_both(clone)[1] if local else kubernetes.ensure_plugin(clone)
