"""Missing parts of the repository on GitHub are listed with their remedy, nothing else."""

from pathlib import Path
from typing import Any

from review.checklist import (
    BRANCH,
    CHECKS,
    LABELS,
    PASSPHRASE,
    TOKEN,
    environments,
    missing,
    unpinned,
)
from review.context import Context
from review.github import GitHub
from tests import github as server
from toolchain import archives, engine, plugins

STACKS = ["dev", "local", "local-prod", "prod"]
ROOT = f"/repos/{server.REPOSITORY}"


def complete(github: server.GitHub) -> None:
    github.page_size = 100
    required = [{"context": check} for check in CHECKS]
    rules: list[dict[str, Any]] = [
        {"type": kind} for kind in ("pull_request", "non_fast_forward", "deletion")
    ]
    rules.append(
        {
            "type": "required_status_checks",
            "parameters": {"required_status_checks": required},
        }
    )
    github.fixed |= {
        f"{ROOT}/branches/{BRANCH}": {"name": BRANCH},
        f"{ROOT}/rules/branches/{BRANCH}": rules,
        f"{ROOT}/labels": [{"name": name} for name in LABELS],
        f"{ROOT}/actions/permissions/workflow": {"default_workflow_permissions": "read"},
        f"{ROOT}/actions/permissions": {"sha_pinning_required": True},
        f"{ROOT}/actions/variables": {"variables": [{"name": "PULUMI_BACKEND_URL"}]},
    }
    for name in environments(STACKS):
        policy = {"deployment_branch_policy": {"custom_branch_policies": True}}
        github.fixed[f"{ROOT}/environments/{name}"] = policy
        github.fixed[f"{ROOT}/environments/{name}/secrets"] = {"secrets": [{"name": PASSPHRASE}]}


def lacking(context: Context) -> list[str]:
    with GitHub(context) as api:
        return list(missing(api, STACKS))


def test_a_repository_that_has_everything_lacks_nothing(
    github: server.GitHub, context: Context
) -> None:
    complete(github)

    assert lacking(context) == []


def test_archives_without_a_pin_are_told_with_the_command_that_pins_them(tmp_path: Path) -> None:
    wanted = archives.of(engine.VERSION, plugins.versions())
    (tmp_path / "toolchain").mkdir()

    def pin(names: list[str]) -> None:
        (tmp_path / archives.CHECKSUMS).write_text("".join(f"0  {name}\n" for name in names))

    pin([archive.name for archive in wanted])
    assert list(unpinned(tmp_path)) == []
    pin([archive.name for archive in wanted[1:]])
    (line,) = unpinned(tmp_path)
    assert wanted[0].name in line
    assert wanted[1].name not in line
    assert "make pins" in line


def test_the_environments_of_a_stack_that_gets_promoted_images_are_missed(
    github: server.GitHub, context: Context
) -> None:
    complete(github)
    for name in ("prod", "preview-prod"):
        del github.fixed[f"{ROOT}/environments/{name}"]

    own, preview = lacking(context)

    assert own.startswith("The environment `prod` (the deployments to prod; only `develop`")
    assert preview.startswith("The environment `preview-prod` (the previews of promotions to prod)")


def test_each_thing_that_is_gone_is_told_once(github: server.GitHub, context: Context) -> None:
    complete(github)
    whole = dict(github.fixed)
    for path in whole:
        if path.endswith(("variables", "/permissions", "workflow")):
            continue
        github.fixed = {other: answer for other, answer in whole.items() if other != path}
        if path.endswith("/labels"):
            github.fixed[path] = []
        assert lacking(context), f"nobody misses {path}"


def test_an_empty_repository_lacks_all_of_it_and_each_line_has_a_way_out(
    github: server.GitHub, context: Context
) -> None:
    github.fixed[f"{ROOT}/labels"] = []

    found = lacking(context)

    assert len(found) == 1 + 3 + len(CHECKS) + len(LABELS) + len(environments(STACKS))
    for line in found:
        assert any(way in line for way in ("gh ", "git push", "docs/github.md")), line


def test_a_missing_passphrase_is_told_only_where_the_state_is_in_a_bucket(
    github: server.GitHub, context: Context
) -> None:
    complete(github)
    github.fixed[f"{ROOT}/environments/dev/secrets"] = {"secrets": [{"name": TOKEN}]}
    assert [line for line in lacking(context) if PASSPHRASE in line]

    del github.fixed[f"{ROOT}/actions/variables"]
    told = lacking(context)
    assert not [line for line in told if PASSPHRASE in line]
    assert len(told) == 4, "the other environments have no token of Pulumi Cloud"


def test_workflows_that_may_write_by_default_are_told(
    github: server.GitHub, context: Context
) -> None:
    complete(github)
    permissions = {"default_workflow_permissions": "write"}
    github.fixed[f"{ROOT}/actions/permissions/workflow"] = permissions

    assert "default_workflow_permissions=read" in lacking(context)[0]
