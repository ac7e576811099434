"""Instances: resources, requests and rules. `instance_lifecycle` makes machines of them."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from localcloud import ocids, resources
from localcloud.api import errors, wire
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import (
    ChangeCompartmentDetails,
    CreateDetails,
    NameAndTags,
    Tagged,
)
from localcloud.services.core import boot_volume, launch_rules, vnic
from localcloud.services.core.catalogue import LaunchOptions
from localcloud.services.core.launch_rules import InstanceShapeConfig, LaunchShapeConfigDetails
from localcloud.services.core.volume import MOST_GBS
from localcloud.services.identity.availability_domain import DOMAINS

FaultDomain = Literal["FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"]
_FIXED_METADATA = ("user_data", "ssh_authorized_keys")


class InstanceSourceDetails(Details):
    """The image of an instance."""

    # no size: the boot volume has it, which may have grown since the launch
    source_type: Literal["image"]
    image_id: str


class LaunchSourceDetails(InstanceSourceDetails):
    """The image and the boot volume of a new instance."""

    # absent: the image's size, although a request for so small a size is refused
    boot_volume_size_in_gbs: int | None = Field(default=None, ge=50, le=MOST_GBS)
    boot_volume_vpus_per_gb: int = Field(default=10, ge=10, le=120, multiple_of=10)


class InstanceOptions(Details):
    """The switch for the first version of the metadata service."""

    are_legacy_imds_endpoints_disabled: bool = False


class AvailabilityConfig(Details):
    """Oracle's plans for maintenance; kept without effect."""

    recovery_action: Literal["RESTORE_INSTANCE", "STOP_INSTANCE"] = "RESTORE_INSTANCE"
    is_live_migration_preferred: bool | None = None


class PluginConfig(Details):
    """The state of a plugin of Oracle's agent; kept without effect."""

    name: str
    desired_state: Literal["ENABLED", "DISABLED"]


class AgentConfig(Details):
    """The settings of Oracle's agent; kept without effect."""

    is_monitoring_disabled: bool = False
    is_management_disabled: bool = False
    are_all_plugins_disabled: bool = False
    plugins_config: list[PluginConfig] = Field(default_factory=list)


class Instance(Tagged):
    """An instance.

    `heading_for` is the state that its steps lead to, `last_failure` the reason of the last failed
    step. Both are the emulator's own.
    """

    kind: ClassVar[str] = "instance"
    title: ClassVar[str] = "Instance"
    busy: ClassVar[frozenset[str]] = frozenset(
        {"PROVISIONING", "STARTING", "STOPPING", "TERMINATING"}
    )
    hidden: ClassVar[frozenset[str]] = frozenset(
        {"hostname", "heading_for", "last_failure", "cluster_id", "node_pool_id"}
    )
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
    system_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)
    security_attributes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    security_attributes_state: Literal["STABLE"] = "STABLE"
    hostname: str
    heading_for: Literal["RUNNING", "STOPPED", "TERMINATED"] = "RUNNING"
    last_failure: str | None = None
    cluster_id: str | None = None  # of a node or, without a node pool, of a control plane
    node_pool_id: str | None = None

    @property
    def failure(self) -> str | None:
        """The reason of the last failed step."""
        return self.last_failure


class LaunchInstanceDetails(CreateDetails):
    """The request for an instance."""

    availability_domain: str
    fault_domain: FaultDomain | None = None
    shape: str
    shape_config: LaunchShapeConfigDetails | None = None
    source_details: LaunchSourceDetails | None = None
    image_id: str | None = None  # deprecated form of `source_details`
    create_vnic_details: vnic.CreateVnicDetails | None = None
    subnet_id: str | None = None  # deprecated forms of fields in `create_vnic_details`
    hostname_label: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    extended_metadata: dict[str, Any] = Field(default_factory=dict)
    instance_options: InstanceOptions = InstanceOptions()
    availability_config: AvailabilityConfig = AvailabilityConfig()
    agent_config: AgentConfig = AgentConfig()
    is_pv_encryption_in_transit_enabled: bool = False


class UpdateInstanceDetails(NameAndTags):
    """The update of an instance: names and metadata at once, hardware with a reboot."""

    metadata: dict[str, str] | None = None
    extended_metadata: dict[str, Any] | None = None
    shape: str | None = None
    shape_config: LaunchShapeConfigDetails | None = None
    fault_domain: FaultDomain | None = None
    update_operation_constraint: Literal["ALLOW_DOWNTIME", "AVOID_DOWNTIME"] | None = None
    instance_options: InstanceOptions | None = None
    availability_config: AvailabilityConfig | None = None
    agent_config: AgentConfig | None = None


def launch(cloud: Cloud, details: LaunchInstanceDetails) -> Instance:
    """Store a new instance with its VNIC and boot volume; the machine boots afterwards.

    Raises 400 for a request that Oracle Cloud refuses, 500 "Out of host capacity" for a shape of
    another architecture.
    """
    if details.availability_domain not in DOMAINS:
        raise errors.invalid_parameter(
            f"availabilityDomain '{details.availability_domain}' is none of {', '.join(DOMAINS)}."
        )
    fields = details.common(cloud, Instance)
    shape = launch_rules.find_shape(details.shape)
    size = launch_rules.shape_config(shape, details.shape_config)
    source, card = _source(details), _card(details)
    image = launch_rules.find_image(source.image_id, shape)
    launch_rules.check_metadata(details.metadata)
    cloud.faults.strike_launch(details.availability_domain)
    encrypted = details.is_pv_encryption_in_transit_enabled
    instance = Instance(
        **fields,
        lifecycle_state="PROVISIONING",
        availability_domain=details.availability_domain,
        fault_domain=details.fault_domain or "FAULT-DOMAIN-1",
        shape=shape.shape,
        shape_config=size,
        source_details=InstanceSourceDetails(source_type="image", image_id=image.id),
        image_id=image.id,
        launch_options=LaunchOptions(is_pv_encryption_in_transit_enabled=encrypted),
        instance_options=details.instance_options,
        availability_config=details.availability_config,
        agent_config=details.agent_config,
        metadata=details.metadata,
        extended_metadata=details.extended_metadata,
        hostname=_hostname(card, fields["display_name"]),
    )
    place = {
        "compartment_id": instance.compartment_id,
        "availability_domain": instance.availability_domain,
    }
    vnic.attach(
        cloud,
        card,
        instance_id=instance.id,
        name=instance.display_name,
        common=place,
    )
    boot_volume.attach(
        cloud,
        instance_id=instance.id,
        instance_name=instance.display_name,
        image_id=image.id,
        size_in_gbs=source.boot_volume_size_in_gbs or image.boot_volume_size_in_gbs,
        vpus_per_gb=source.boot_volume_vpus_per_gb,
        encrypted=encrypted,
        common=place,
    )
    return cloud.store.put(instance)


def update(cloud: Cloud, instance: Instance, details: UpdateInstanceDetails) -> Instance:
    """Change an instance; a change of hardware reboots it, if it is running."""
    refuse_if_over(instance)
    for key in _FIXED_METADATA if details.metadata is not None else ():
        if (details.metadata or {}).get(key) != instance.metadata.get(key):
            raise errors.invalid_parameter(
                f"The '{key}' metadata field cannot be updated and must be provided with the "
                "already existing value."
            )
    if details.metadata is not None:
        launch_rules.check_metadata(details.metadata)
    hardware = _hardware(instance, details)
    handled = ("shape", "shape_config", "fault_domain", "update_operation_constraint")
    updated = resources.update(cloud, instance, details.model_copy(update=dict.fromkeys(handled)))
    if not hardware:
        return updated
    if instance.lifecycle_state == "RUNNING":
        if details.update_operation_constraint == "AVOID_DOWNTIME":
            raise errors.invalid_parameter(
                f"A change of {', '.join(map(wire.camel, hardware))} reboots the instance, which "
                "updateOperationConstraint AVOID_DOWNTIME rules out."
            )
        hardware |= {"lifecycle_state": "STOPPING", "heading_for": "RUNNING"}
    elif instance.lifecycle_state != "STOPPED":
        raise errors.incorrect_state(
            f"The instance {instance.id} is {instance.lifecycle_state}; shape, shapeConfig and "
            "faultDomain change while it is RUNNING or STOPPED."
        )
    return cloud.store.put(updated.changed(**hardware))


def move(cloud: Cloud, instance: Instance, details: ChangeCompartmentDetails) -> Instance:
    """Move an instance with its attachments; its VNIC and its volumes stay where they are."""
    for kind in (vnic.VnicAttachment, boot_volume.BootVolumeAttachment):
        for attachment in cloud.store.find(kind, instance_id=instance.id):
            resources.move(cloud, attachment, details)
    return resources.move(cloud, instance, details)


def refuse_if_over(instance: Instance) -> None:
    """Raise 409 if the instance is terminated, or about to be."""
    if instance.lifecycle_state in {"TERMINATING", "TERMINATED"}:
        raise errors.incorrect_state(
            f"The instance {instance.id} is in state {instance.lifecycle_state}."
        )


def _hardware(instance: Instance, details: UpdateInstanceDetails) -> dict[str, Any]:
    """Return the fields that need other hardware; a size of which a part is absent keeps it."""
    shape = launch_rules.find_shape_to_change_to(details.shape or instance.shape, instance.image_id)
    size = instance.shape_config
    if details.shape_config is not None or shape.shape != instance.shape:
        requested_size = details.shape_config or LaunchShapeConfigDetails()
        size = launch_rules.shape_config(
            shape,
            requested_size.completed(size) if shape.is_flexible else details.shape_config,
        )
    wanted_fields = {
        "shape": shape.shape,
        "shape_config": size,
        "fault_domain": details.fault_domain or instance.fault_domain,
    }
    return {
        name: value for name, value in wanted_fields.items() if getattr(instance, name) != value
    }


def _source(details: LaunchInstanceDetails) -> LaunchSourceDetails:
    if details.source_details is not None:
        return details.source_details
    if details.image_id is None:
        raise errors.missing_parameter(["sourceDetails", "imageId"])
    return LaunchSourceDetails(source_type="image", image_id=details.image_id)


def _card(details: LaunchInstanceDetails) -> vnic.CreateVnicDetails:
    card = details.create_vnic_details or vnic.CreateVnicDetails()
    return card.model_copy(
        update={
            "subnet_id": card.subnet_id or details.subnet_id,
            "hostname_label": card.hostname_label or details.hostname_label,
        }
    )


def _hostname(card: vnic.CreateVnicDetails, display_name: str) -> str:
    """Return the hostname label, or else the usable characters of the display name, as OCI does."""
    if card.hostname_label:
        return card.hostname_label
    letters = "".join(c if c.isascii() and c.isalnum() else "-" for c in display_name.lower())
    return letters.strip("-")[:63] or "instance"
