"""The removal of a local stack; the emulated cloud goes with the last of them."""

import shutil
import sys
from pathlib import Path

from common import interruption
from common.clone import has_local_stack
from common.progress import StepError
from host.auth_release.bucket import Bucket
from host.auth_release.errors import ReleaseError
from stack import environment, platforms, removal
from stack.names import LOCAL
from stack.stack import Stack
from toolchain import docker_engine


def take_down(clone: Path, name: str, *, confirmed: str) -> int:
    """Remove a local stack with its data and its keys; return the exit status.

    The last one takes along the cloud, the state, the other files of the clone's local stacks, and
    a Docker engine that a local stack started.
    """
    stacks = environment.local_stacks(clone)
    others = [each for each in stacks if each != name]
    if not others:
        return _with_cloud(clone, name, confirmed)
    if name in stacks:
        _alone(environment.prepare(clone, name), confirmed)
        print(f"The emulated cloud stays, for {', '.join(others)}.")
    else:
        print(f"There is no local stack {name}. The local stacks here: {', '.join(others)}.")
    return 0


def _alone(stack: Stack, confirmed: str) -> None:
    lost = removal.losses(stack, stack.resources())
    removal.confirm(stack.name, lost, named=confirmed, disposable=True)
    with interruption.patience():
        stack.destroy()
    shutil.rmtree(stack.clone / ".local" / "ssh" / stack.name, ignore_errors=True)
    if stack.name == LOCAL:  # its folder has the state of all
        for name in (stack.configuration.file.name, "written.json", "switch.json"):
            (stack.folder / name).unlink(missing_ok=True)
    else:
        shutil.rmtree(stack.folder, ignore_errors=True)


def _with_cloud(clone: Path, name: str, confirmed: str) -> int:
    if has_local_stack(clone):
        stack, lost = None, ["all its resources and data"]
        try:
            stack = environment.prepare(clone, name)
            lost = removal.losses(stack, stack.resources())
            if _has_copies(stack):
                # the bucket is a part of the emulated cloud
                lost.append("the bucket with its copies")
        except StepError as error:
            print(error, file=sys.stderr)
        removal.confirm(name, lost, named=confirmed, disposable=True)
        try:
            with interruption.patience():
                if stack:
                    stack.destroy()
        except StepError as error:
            print(error, file=sys.stderr)
        # a stack that Pulumi can't take down goes with its cloud
        environment.stop_cloud(clone)
    else:
        print("There is no local stack.")
    shutil.rmtree(clone / ".local", ignore_errors=True)
    docker_engine.stop_if_ours(clone)
    return 0


def _has_copies(stack: Stack) -> bool:
    """Return whether the cloud's bucket has copies; without an answer, it counts as such.

    A server begins with a copy. On a cluster there are those of servers before it alone.
    """
    if not platforms.is_cluster(stack):
        return True
    try:
        cloud = environment.describe_cloud(stack.clone)
        backup = cloud["backup"]
        bucket = Bucket(
            endpoint=backup["endpoint"],
            region=cloud["region"],
            name=backup["bucket"],
            access_key=backup["access_key"],
            secret_key=Path(backup["secret_key_file"]).read_text().strip(),
        )
        return any(bucket.list(""))
    except (StepError, ReleaseError, OSError):
        return True
