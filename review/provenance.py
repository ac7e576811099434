"""The image of a deployment: built and attested by the workflow, and verified before its release.

An attestation is signed by GitHub for the workflow that asks; no key exists that could be stolen:
https://docs.github.com/en/actions/concepts/security/artifact-attestations
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common import files
from review.context import Context
from review.errors import ReviewError
from stack.stack import Stack

GHCR = "ghcr.io"
WORKFLOW = ".github/workflows/deploy.yml"  # no other workflow attests
_IMAGE = "docker:index/image:Image"
_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Image:
    """The image of a stack. `modified` is the time at which a run last made it."""

    urn: str
    reference: str  # NAME@sha256:…
    modified: str


def parts(reference: str) -> dict[str, str]:
    """Return the name, without a tag, and the digest, for later steps."""
    image, _, digest = reference.partition("@")
    # a tag is not part of the image's name, but a port of its registry is
    name = image.rpartition(":")[0] if ":" in image.rpartition("/")[2] else image
    return {"image": name, "digest": digest}


def build(stack: Stack, context: Context) -> dict[str, str]:
    """Build and push the image if it is not there; return it, and whether to attest it.

    A stack with a promoted image builds none: the image was attested when another stack built it.
    A run may attest only images that it built. So an image without an attestation, from a laptop or
    from a run that was stopped, is built again.
    """
    configured = stack.configuration.written()
    if digest := configured.get("auth:imageDigest"):
        return {**parts(f"{configured['auth:imageRepository']}@{digest}"), "attest": "false"}
    before = _image(stack)
    component = f"urn:pulumi:{stack.name}::auth::auth:image:Image"
    stack.up(f"{component}::auth", f"{component}$**")
    image = _image(stack)
    if image is None:
        raise ReviewError(f"{stack.name} has no image after it was built; see the log above")
    is_in_ghcr = in_ghcr(image.reference)
    if is_in_ghcr and image == before and problem(image.reference, context):
        print(f"{image.reference} is not attested: it is built again.")
        stack.replace(image.urn)
        image = _image(stack) or image
    attest = is_in_ghcr and image != before
    return {**parts(image.reference), "attest": "true" if attest else "false"}


def in_ghcr(reference: str) -> bool:
    return reference.startswith(f"{GHCR}/")


def verify(reference: str, context: Context) -> str:
    """Return a sentence on the verification; raise ReviewError if the image must not run."""
    if not reference.partition("@")[2].startswith("sha256:"):
        raise ReviewError(f"IMAGE is {reference!r}; it must be an image by its digest")
    if not in_ghcr(reference):
        return f"{reference} is not in {GHCR}: GitHub has no attestation to verify."
    if reason := problem(reference, context):
        raise ReviewError(
            f"{reference} is not released: {reason}. Only an image that {WORKFLOW} built on "
            f"{context.ref} is. Start all jobs of the workflow again: an image that has no "
            "attestation is then built anew."
        )
    return f"{reference} was built by {WORKFLOW} of {context.repository} on {context.ref}."


def problem(reference: str, context: Context) -> str | None:
    """Verify the attestation of the digest by GitHub's own tool; return the reason of a failure."""
    gh = shutil.which("gh")
    if not gh:
        raise ReviewError(
            "There is no `gh` on PATH, which verifies attestations. GitHub's runners have it; "
            "elsewhere: https://cli.github.com"
        )
    command = [
        *(gh, "attestation", "verify", f"oci://{reference}"),
        *("--repo", context.repository),
        *("--signer-workflow", f"{context.repository}/{WORKFLOW}"),
        *("--source-ref", context.ref),
        "--deny-self-hosted-runners",
    ]
    with tempfile.TemporaryDirectory() as folder:
        _log_in(Path(folder), context.token)
        env = {**os.environ, "DOCKER_CONFIG": folder, "GH_TOKEN": context.token}
        try:
            result = subprocess.run(
                command, env=env, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return f"its attestation could not be verified within {_SECONDS} s"
    if result.returncode == 0:
        return None
    error = result.stderr.strip().replace("\n", " ")[-300:]
    return f"its attestation does not hold ({error or f'gh ended with {result.returncode}'})"


def _log_in(folder: Path, token: str) -> None:
    """Write a login to the registry that only this process's user can read."""
    login = base64.b64encode(f"token:{token}".encode()).decode()
    files.write(folder / "config.json", json.dumps({"auths": {GHCR: {"auth": login}}}))


def _image(stack: Stack) -> Image | None:
    """Return the image in the stack's state; None before its first build."""
    for resource in stack.resources():
        if resource.get("type") == _IMAGE and not resource.get("delete"):
            return Image(
                urn=str(resource["urn"]),
                reference=str((resource.get("outputs") or {}).get("repoDigest", "")),
                modified=str(resource.get("modified", "")),
            )
    return None
