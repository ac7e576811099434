"""The missing parts of the repository on GitHub, each with the command that adds it.

docs/github.md has the reasons. Reads only; the token needs to read the repository's administration.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from review.drift import LABEL as DRIFT
from review.drill import LABEL as DRILL
from review.github import GitHub
from review.pr_stacks import LABEL as ENVIRONMENT
from review.verdict import ALLOWING
from review.vulnerabilities import LABEL as VULNERABILITY
from stack.names import is_local
from toolchain import archives, engine, plugins

BRANCH = "develop"
CHECKS = ("ci", "preview")  # the jobs that a pull request must pass
LABELS = {
    ALLOWING: "machines, the address or data may be replaced or deleted",
    ENVIRONMENT: "gets a cloud stack of its own until it is closed",
    DRIFT: "a stack differs from its program",
    DRILL: "the copies of a stack can't be restored",
    VULNERABILITY: "an image that runs has a known vulnerability",
}
# deployment environments of each repository: the purpose, and whether only `develop` may use it
_ENVIRONMENTS = {
    "dev": ("the deployments; only `develop` may use it", True),
    "preview": ("the previews of pull requests", False),
    "pull-request": ("the cloud stacks of pull requests", False),
}
PASSPHRASE, TOKEN, BACKEND = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN", "PULUMI_BACKEND_URL"


def environments(stacks: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Return the deployment environments for these stacks, with purpose and guard of each."""
    promoted = sorted({name for name in stacks if not is_local(name)} - {"dev"})
    own = {
        name: (f"the deployments to {name}; only `develop` may use it", True) for name in promoted
    }
    previews = {
        f"preview-{name}": (f"the previews of promotions to {name}", False) for name in promoted
    }
    return {**_ENVIRONMENTS, **own, **previews}


def missing(github: GitHub, stacks: Iterable[str]) -> Iterator[str]:
    """Yield a line for each missing part, with the way to add it.

    `stacks` are the names of those that have a file in the repository.
    """
    yield from _branch(github)
    yield from _labels(github)
    yield from _environments(github, environments(stacks))
    yield from _actions(github)


def unpinned(clone: Path) -> Iterator[str]:
    """Yield a line if engine or plugins lack a pinned SHA-256: the workflows can't get them."""
    pinned = archives.pinned(clone)
    wanted = archives.of(engine.VERSION, plugins.versions())
    names = [archive.name for archive in wanted if archive.name not in pinned]
    if names:
        yield (
            f"No SHA-256 of {', '.join(names)} is pinned in {archives.CHECKSUMS}: make pins, then "
            "read the change and commit it"
        )


def _branch(github: GitHub) -> Iterator[str]:
    if github.find(f"branches/{BRANCH}") is None:
        yield f"There is no branch {BRANCH}: git push origin HEAD:{BRANCH}"
    rules = github.see(f"rules/branches/{BRANCH}") or []
    parameters = {rule["type"]: rule.get("parameters") or {} for rule in rules}
    way = f"docs/github.md, Branch rules, has the command for {BRANCH}"
    for kind, risk in (
        ("pull_request", "changes without a pull request are possible"),
        ("non_fast_forward", "history can be overwritten"),
        ("deletion", "the branch can be deleted"),
    ):
        if kind not in parameters:
            yield f"{BRANCH}: {risk}. {way}"
    required = {
        str(check["context"])
        for check in parameters.get("required_status_checks", {}).get("required_status_checks", [])
    }
    for check in CHECKS:
        if check not in required:
            yield f"{BRANCH}: the check `{check}` is not required. {way}"


def _labels(github: GitHub) -> Iterator[str]:
    present = {str(label["name"]) for label in github.list("labels")}
    for label, meaning in LABELS.items():
        if label not in present:
            yield f"The label `{label}`: gh label create {label} --description '{meaning}'"


def _environments(github: GitHub, wanted: Mapping[str, tuple[str, bool]]) -> Iterator[str]:
    for name, (purpose, is_guarded) in wanted.items():
        environment = github.see(f"environments/{name}")
        if environment is None:
            yield (
                f"The environment `{name}` ({purpose}): "
                f"gh api --method PUT repos/{github.repository}/environments/{name}"
            )
            continue
        if is_guarded and not environment.get("deployment_branch_policy"):
            yield (
                f"The environment `{name}` is open to every branch; docs/github.md, "
                "Deployment environments"
            )
        yield from _secrets(github, name)


def _secrets(github: GitHub, environment: str) -> Iterator[str]:
    secrets = _names(github.see(f"environments/{environment}/secrets?per_page=100"), "secrets")
    variables = _names(
        github.see(f"environments/{environment}/variables?per_page=100"), "variables"
    )
    variables |= _names(github.see("actions/variables?per_page=100"), "variables")
    if BACKEND in variables and PASSPHRASE not in secrets:
        yield (
            f"The secret {PASSPHRASE} of `{environment}`: "
            f"gh secret set {PASSPHRASE} --env {environment} < passphrase.txt"
        )
    if BACKEND not in variables and TOKEN not in secrets:
        yield (
            f"Where the state is, for `{environment}`: gh variable set {BACKEND} --env "
            f"{environment} --body s3://…, or gh secret set {TOKEN} --env {environment}"
        )


def _actions(github: GitHub) -> Iterator[str]:
    workflow = github.see("actions/permissions/workflow")
    if workflow and workflow["default_workflow_permissions"] != "read":
        yield (
            "Workflows may write by default: gh api --method PUT "
            f"repos/{github.repository}/actions/permissions/workflow "
            "-f default_workflow_permissions=read"
        )
    permissions = github.see("actions/permissions")
    if permissions and not permissions.get("sha_pinning_required"):
        yield (
            "Actions may be used without a pinned commit: Settings, Actions, General, "
            "Require actions to be pinned to a full-length commit SHA"
        )


def _names(listed: Any, key: str) -> set[str]:
    return {str(entry["name"]) for entry in (listed or {}).get(key, [])}
