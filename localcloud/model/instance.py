"""Instances: what is asked for and remembered. `lifecycle` makes machines of them."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from localcloud import errors, ocids
from localcloud.catalogue import DOMAINS, LaunchOptions
from localcloud.cloud import Cloud
from localcloud.model import boot_volume, launch_rules, resource, vnic
from localcloud.model.launch_rules import InstanceShapeConfig, LaunchShapeConfigDetails
from localcloud.model.resource import CreateDetails, NameAndTags, Tagged
from localcloud.wire import Details

_FIXED_METADATA = ("user_data", "ssh_authorized_keys")


class InstanceSourceDetails(Details):
    source_type: Literal["image"]
    image_id: str
    boot_volume_size_in_gbs: int = Field(default=47, ge=50, le=32768)
    boot_volume_vpus_per_gb: int = Field(default=10, ge=10, le=120, multiple_of=10)


class InstanceOptions(Details):
    are_legacy_imds_endpoints_disabled: bool = False


class AvailabilityConfig(Details):
    recovery_action: Literal["RESTORE_INSTANCE", "STOP_INSTANCE"] = "RESTORE_INSTANCE"
    is_live_migration_preferred: bool | None = None


class PluginConfig(Details):
    name: str
    desired_state: Literal["ENABLED", "DISABLED"]


class AgentConfig(Details):
    is_monitoring_disabled: bool = False
    is_management_disabled: bool = False
    are_all_plugins_disabled: bool = False
    plugins_config: list[PluginConfig] = Field(default_factory=list)


class Instance(Tagged):
    kind: ClassVar[str] = "instance"
    hidden: ClassVar[frozenset[str]] = frozenset({"hostname", "heading_for", "last_failure"})
    availability_domain: str
    fault_domain: str
    region: str = ocids.REGION
    shape: str
    shape_config: InstanceShapeConfig
    source_details: InstanceSourceDetails
    image_id: str
    launch_mode: str = "PARAVIRTUALIZED"
    launch_options: LaunchOptions
    instance_options: InstanceOptions
    availability_config: AvailabilityConfig
    agent_config: AgentConfig
    metadata: dict[str, str]
    extended_metadata: dict[str, Any] = Field(default_factory=dict)
    hostname: str
    heading_for: Literal["RUNNING", "STOPPED", "TERMINATED"] = "RUNNING"
    last_failure: str | None = None


class LaunchInstanceDetails(CreateDetails):
    availability_domain: str
    fault_domain: Literal["FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"] | None = None
    shape: str
    shape_config: LaunchShapeConfigDetails | None = None
    source_details: InstanceSourceDetails
    create_vnic_details: vnic.CreateVnicDetails
    metadata: dict[str, str] = Field(default_factory=dict)
    instance_options: InstanceOptions = InstanceOptions()
    availability_config: AvailabilityConfig = AvailabilityConfig()
    agent_config: AgentConfig = AgentConfig()
    is_pv_encryption_in_transit_enabled: bool = False


class UpdateInstanceDetails(NameAndTags):
    metadata: dict[str, str] | None = None
    shape: str | None = None
    shape_config: LaunchShapeConfigDetails | None = None
    instance_options: InstanceOptions | None = None
    availability_config: AvailabilityConfig | None = None
    agent_config: AgentConfig | None = None


def launch(cloud: Cloud, wish: LaunchInstanceDetails) -> Instance:
    if wish.availability_domain not in DOMAINS:
        raise errors.invalid_parameter(
            f"availabilityDomain '{wish.availability_domain}' is none of {', '.join(DOMAINS)}."
        )
    fields = wish.common(cloud, "instance")
    shape = launch_rules.find_shape(wish.shape)
    size = launch_rules.shape_config(shape, wish.shape_config)
    image = launch_rules.find_image(wish.source_details.image_id, shape)
    launch_rules.check_metadata(wish.metadata)
    cloud.faults.strike_launch(wish.availability_domain)
    encrypted = wish.is_pv_encryption_in_transit_enabled
    instance = Instance(
        **fields,
        id=ocids.mint("instance"),
        lifecycle_state="PROVISIONING",
        availability_domain=wish.availability_domain,
        fault_domain=wish.fault_domain or "FAULT-DOMAIN-1",
        shape=shape.shape,
        shape_config=size,
        source_details=wish.source_details,
        image_id=image.id,
        launch_options=LaunchOptions(is_pv_encryption_in_transit_enabled=encrypted),
        instance_options=wish.instance_options,
        availability_config=wish.availability_config,
        agent_config=wish.agent_config,
        metadata=wish.metadata,
        hostname=_hostname(wish, fields["display_name"]),
    )
    place = {
        "compartment_id": instance.compartment_id,
        "availability_domain": instance.availability_domain,
    }
    vnic.attach(
        cloud,
        wish.create_vnic_details,
        instance_id=instance.id,
        name=instance.display_name,
        common=place,
    )
    boot_volume.attach(
        cloud,
        instance_id=instance.id,
        instance_name=instance.display_name,
        image_id=image.id,
        size_in_gbs=wish.source_details.boot_volume_size_in_gbs,
        vpus_per_gb=wish.source_details.boot_volume_vpus_per_gb,
        encrypted=encrypted,
        common=place,
    )
    return cloud.store.put(instance)


def update(cloud: Cloud, instance: Instance, wish: UpdateInstanceDetails) -> Instance:
    refuse_if_over(instance)
    for key in _FIXED_METADATA if wish.metadata is not None else ():
        if (wish.metadata or {}).get(key) != instance.metadata.get(key):
            raise errors.invalid_parameter(
                f"The '{key}' metadata field cannot be updated and must be provided with the "
                "already existing value."
            )
    if wish.metadata is not None:
        launch_rules.check_metadata(wish.metadata)
    if wish.shape not in {None, instance.shape} or _resizes(instance, wish.shape_config):
        raise errors.not_implemented("resizing an instance (changing shape or shapeConfig)")
    kept = wish.model_copy(update={"shape": None, "shape_config": None})
    return resource.update(cloud, instance, kept)


def refuse_if_over(instance: Instance) -> None:
    if instance.lifecycle_state in {"TERMINATING", "TERMINATED"}:
        raise errors.incorrect_state(
            f"The instance {instance.id} is in state {instance.lifecycle_state}."
        )


def _resizes(instance: Instance, wish: LaunchShapeConfigDetails | None) -> bool:
    now = instance.shape_config
    return wish is not None and (
        wish.ocpus not in {None, now.ocpus} or wish.memory_in_gbs not in {None, now.memory_in_gbs}
    )


def _hostname(wish: LaunchInstanceDetails, display_name: str) -> str:
    """OCI names a machine by its hostname label, else by what is usable of its display name."""
    if label := wish.create_vnic_details.hostname_label:
        return label
    letters = "".join(c if c.isascii() and c.isalnum() else "-" for c in display_name.lower())
    return letters.strip("-")[:63] or "instance"
