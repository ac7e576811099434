"""Another service beside ours on one VM: examples/two-services on the emulated cloud."""

from collections.abc import Iterator

import httpx
import pytest

from tests.testbed.clone import Clone, Result
from tests.testbed.example import Example

NAME = "notes.example.test"
KEY = "key-of-writers"


@pytest.fixture(scope="module", name="example")
def _example(clone: Clone) -> Iterator[Example]:
    example = Example.create(clone, "two-services")
    try:
        assert update(example).status == 0
        yield example
    finally:
        assert example.destroy().status == 0


def update(example: Example, **changes: str) -> Result:
    values = {"notes": f"http://{NAME}", "writerKey": KEY, **changes}
    flags = " ".join(f"--config=two-services:{key}={value}" for key, value in values.items())
    return example.pulumi(f"up --yes --skip-preview {flags}")


def notes(example: Example) -> httpx.Client:
    """Return a client of the other service, which the proxy selects by its name."""
    return httpx.Client(base_url=f"http://{example.output('serverIp')}", headers={"Host": NAME})


def test_both_services_answer_each_under_its_address(example: Example) -> None:
    address = example.output("url")

    key_set = httpx.get(f"{address}/.well-known/jwks.json", timeout=30)
    with notes(example) as client:
        page = client.get("/")

    assert key_set.json()["keys"], "the Authentication Service does not answer"
    assert page.json() == {"title": "Notes", "notes": []}


def test_a_release_of_one_service_leaves_the_other_and_keeps_its_data(example: Example) -> None:
    with notes(example) as client:
        refused = client.post("/", content="without the key")
        client.post("/", content="kept", headers={"Authorization": f"Bearer {KEY}"})

    assert update(example, title="Changed").status == 0

    assert refused.status_code == httpx.codes.UNAUTHORIZED
    assert example.output("releases") == {"auth": 1, "notes": 2}
    with notes(example) as client:
        assert client.get("/").json() == {"title": "Changed", "notes": ["kept"]}


def test_a_changed_line_of_the_other_service_builds_its_image_alone(example: Example) -> None:
    before = images(example)
    source = example.folder / "notes" / "notes.py"
    source.write_text(source.read_text().replace("there is no such page", "nothing is here"))

    assert update(example, title="Changed").status == 0

    after = images(example)
    assert {name for name, image in after.items() if image != before[name]} == {"notes-image"}
    assert example.output("releases") == {"auth": 1, "notes": 3}
    with notes(example) as client:
        assert client.get("/elsewhere").json() == {"error": "nothing is here"}


def images(example: Example) -> dict[str, str]:
    """Return the digest of each image in the state."""
    return {
        name: resource["outputs"]["repoDigest"]
        for name, resource in example.state().items()
        if name.endswith("-image")
    }
