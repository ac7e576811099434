import io
import json
import tarfile
from dataclasses import replace

from localcloud.machines import capabilities, seed
from localcloud.machines.seed import MachineSpec

SPEC = MachineSpec(
    instance_id="ocid1.instance.oc1.eu-madrid-1.aaaa",
    hostname="auth",
    private_ip="10.0.1.2",
    prefix_length=24,
    ocpus=1,
    memory_in_gbs=2,
    user_data=b"#cloud-config\n",
    ssh_authorized_keys="ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n",
    document={},
    metadata={"user_data": "I2Nsb3Vk", "colour": "blue"},
)


def files(spec: MachineSpec = SPEC) -> dict[str, str]:
    return seed.files(spec, registry="127.70.1.1:5000", api="127.70.1.1:7000", ingress="*mangle\n")


def meta_data(spec: MachineSpec = SPEC) -> dict[str, object]:
    return dict(json.loads(files(spec)["var/lib/cloud/seed/nocloud/meta-data"]))


def test_cloud_init_gets_each_key_and_who_it_is() -> None:
    assert meta_data()["public-keys"] == ["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"]
    assert meta_data()["instance-id"] == SPEC.instance_id


def test_a_line_end_of_python_in_a_keys_comment_makes_no_second_key() -> None:
    key = "ssh-ed25519 AAAA of\u2028the\x85office"

    assert meta_data(replace(SPEC, ssh_authorized_keys=f"{key}\r\n"))["public-keys"] == [key]


def test_metadata_of_the_callers_own_is_passed_on_but_user_data_is_not_told_twice() -> None:
    assert meta_data()["colour"] == "blue"
    assert "user_data" not in meta_data()


def test_user_data_of_any_bytes_arrives_as_it_was_given() -> None:
    user_data = bytes(range(256))
    packed = seed.archive(files(replace(SPEC, user_data=user_data)))

    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        entry = tar.extractfile("var/lib/cloud/seed/nocloud/user-data")
        assert entry is not None
        assert entry.read() == user_data


def test_nobody_but_root_may_read_the_seed() -> None:
    with tarfile.open(fileobj=io.BytesIO(seed.archive(files()))) as tar:
        assert {member.mode for member in tar} == {0o600}


def test_a_capability_that_the_host_lacks_is_not_asked_for() -> None:
    everything = (1 << 41) - 1

    assert capabilities.missing(everything) == []
    assert capabilities.missing(everything & ~(1 << 24)) == ["SYS_RESOURCE"]
