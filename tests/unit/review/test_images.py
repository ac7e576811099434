"""Old images are deleted, but never the image of a release."""

from pathlib import Path

import pytest
import yaml

from review.context import Context
from review.errors import ReviewError
from review.github import GitHub
from review.images import Package, Version, builders, promoted, superfluous
from tests import github as server


def version(number: int, *tags: str, digest: str = "") -> Version:
    return Version(
        id=number,
        digest=digest or f"sha256:{number:064x}",
        tags=tags,
        created=f"2026-01-{30 - number:02}T00:00:00Z",
    )


def gone(*versions: Version, keep: int = 2, needed: set[str] | None = None) -> list[int]:
    chosen = superfluous(
        versions, keep=keep, needed=needed or set(), parts=lambda _: {"sha256:part"}
    )
    return [one.id for one in chosen]


def test_the_newest_stay() -> None:
    assert gone(*(version(number, f"sha-{number}") for number in range(1, 5))) == [3, 4]


def test_what_a_server_runs_or_can_go_back_to_stays_however_old() -> None:
    versions = [version(number, f"sha-{number}") for number in range(1, 6)]

    assert gone(*versions, needed={versions[4].digest}) == [3, 4]


def test_an_image_that_was_promoted_to_another_stack_stays(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  auth:ocpus: 1\n")
    (tmp_path / "Pulumi.empty.yaml").write_text("# nothing yet\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  auth:imageDigest: sha256:0\n")

    assert promoted(tmp_path) == {"sha256:0"}


def test_a_stack_that_builds_in_the_same_repository_is_asked_as_well(tmp_path: Path) -> None:
    for name, values in {
        "dev": {"auth:imageRepository": "ghcr.io/acme/auth"},
        "staging": {"auth:imageRepository": "ghcr.io/acme/auth"},
        "prod": {"auth:imageRepository": "ghcr.io/acme/auth", "auth:imageDigest": "sha256:0"},
        "other": {"auth:imageRepository": "ghcr.io/acme/other"},
        "local-prod": {"auth:imageRepository": "ghcr.io/acme/auth"},
    }.items():
        (tmp_path / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": values}))

    assert builders(tmp_path, "ghcr.io/acme/auth", apart_from="dev") == ["staging"]


def test_the_parts_of_an_image_that_stays_stay_and_count_for_nothing() -> None:
    part = version(1, digest="sha256:part")
    lost = version(2, digest="sha256:lost")

    assert gone(part, lost, version(3, "sha-3"), version(4, "sha-4"), version(5, "sha-5")) == [2, 5]


def test_an_attestation_goes_with_its_image() -> None:
    kept, old = version(2, "sha-2"), version(4, "sha-4")
    about_kept = version(1, kept.digest.replace(":", "-"))
    about_old = version(3, f"{old.digest.replace(':', '-')}.sig")

    assert gone(about_kept, kept, about_old, old, keep=1) == [3, 4]


def package(github: server.GitHub, context: Context, kind: str = "Organization") -> Package:
    github.fixed["/users/acme"] = {"type": kind}
    return Package(GitHub(context), "ghcr.io/acme/team/auth", registry=github.url)


@pytest.mark.parametrize(("kind", "owner"), [("Organization", "orgs"), ("User", "users")])
def test_versions_are_listed_newest_first_and_deleted_by_their_number(
    github: server.GitHub, context: Context, kind: str, owner: str
) -> None:
    path = f"/{owner}/acme/packages/container/team%2Fauth/versions"
    github.fixed[path] = [
        {
            "id": number,
            "name": f"sha256:{number}",
            "created_at": f"2026-01-0{number}T00:00:00Z",
            "metadata": {"container": {"tags": [f"sha-{number}"]}},
        }
        for number in (1, 3, 2)
    ]
    found = package(github, context, kind)

    versions = found.versions()
    found.delete(versions[-1])

    assert [one.id for one in versions] == [3, 2, 1]
    assert ("DELETE", f"{path}/1") in github.requests


def test_nothing_is_deleted_while_an_image_can_not_be_looked_into(
    github: server.GitHub, context: Context
) -> None:
    with pytest.raises(ReviewError, match="Nothing is deleted"):
        package(github, context).parts("sha256:0", server.TOKEN)


def test_the_parts_of_an_index_are_asked_of_the_registry(
    github: server.GitHub, context: Context
) -> None:
    index = {"manifests": [{"digest": "sha256:1"}, {"digest": "sha256:2"}]}
    github.fixed["/v2/acme/team/auth/manifests/sha256:0"] = index

    assert package(github, context).parts("sha256:0", server.TOKEN) == {"sha256:1", "sha256:2"}


def test_images_elsewhere_are_none_of_githubs(github: server.GitHub, context: Context) -> None:
    assert github
    with pytest.raises(ReviewError, match=r"not in ghcr\.io"):
        Package(GitHub(context), "registry.test/acme/auth")
