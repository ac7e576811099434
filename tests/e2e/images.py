"""Images that a test makes of the service's, in the stack's own registry."""

from pathlib import Path

from tests.testbed.clone import Clone


def push(clone: Clone, folder: Path, dockerfile: str, *flags: str) -> str:
    """Build and push an image for the service's repository; give its name by digest."""
    image = clone.outputs()["image"]
    name = f"{image.partition('@')[0]}:{folder.name.replace('_', '-')[:100]}"
    config = f"--config {folder}"
    password = "pulumi config get --stack local auth:registryPassword"
    (folder / "Dockerfile").write_text(dockerfile)
    done = clone.shell(
        f"{password} | docker {config} login -u deployer --password-stdin {image.split('/')[0]} &&"
        f" docker {config} build -q -t {name} --build-arg IMAGE={image} {' '.join(flags)} {folder}"
        f" && docker {config} push -q {name} &&"
        f" docker inspect -f '{{{{range .RepoDigests}}}}{{{{println .}}}}{{{{end}}}}' {name} |"
        f" grep '^{image.partition('@')[0]}@'"  # another clone may have pushed the same
    )
    assert done.status == 0, done.output
    return done.output.splitlines()[-1]
