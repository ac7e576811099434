"""Database systems: their fields, and the rules of a request for one."""

import re
from typing import Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import CreateDetails, NameAndTags, Tagged
from localcloud.services.core import nsg, private_ip
from localcloud.services.core.subnet import Subnet
from localcloud.services.identity.availability_domain import DOMAINS
from localcloud.services.psql.configuration import PREFIX, SHAPES, VERSIONS, default
from localcloud.services.psql.credentials import Credentials, ResetMasterUserPasswordDetails

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MOST_GROUPS = 5
_IOPS = 75_000


class OciOptimizedStorageDetails(Details):
    """The storage: in all availability domains of the region, or in the one that is named."""

    system_type: Literal["OCI_OPTIMIZED_STORAGE"]
    is_regionally_durable: bool
    availability_domain: str | None = None
    iops: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _in_a_place(self) -> Self:
        if self.is_regionally_durable == (self.availability_domain is not None):
            raise ValueError(
                "availabilityDomain must be specified if isRegionallyDurable is false, and must "
                "not be if it is true"
            )
        return self


class NetworkDetails(Details):
    """The place of the primary endpoint."""

    subnet_id: str
    primary_db_endpoint_private_ip: str | None = None
    nsg_ids: list[str] | None = Field(default=None, max_length=_MOST_GROUPS)
    is_reader_endpoint_enabled: Literal[False] | None = None


class DailyBackupPolicy(Details):
    """Backups every day, or none; weekly and monthly backups are not modelled."""

    kind: Literal["DAILY", "NONE"]
    backup_start: str | None = Field(default=None, pattern=_TIME.pattern)
    retention_days: int | None = Field(default=None, ge=1, le=35)


class ManagementPolicyDetails(Details):
    """The backups, and the window for Oracle's maintenance."""

    backup_policy: DailyBackupPolicy | None = None
    maintenance_window_start: str | None = None


class DbInstance(Details):
    """The only node of a system."""

    id: str
    display_name: str
    availability_domain: str
    lifecycle_state: str = "ACTIVE"
    time_created: AwareDatetime
    time_updated: AwareDatetime


class DbSystem(Tagged):
    """A database system; its password is kept as PostgreSQL's verifier, and never answered."""

    kind: ClassVar[str] = "postgresqldbsystem"
    title: ClassVar[str] = "DB System"
    hidden: ClassVar[frozenset[str]] = frozenset({"fqdn", "password_verifier"})
    busy: ClassVar[frozenset[str]] = frozenset({"CREATING", "UPDATING", "DELETING"})
    description: str | None = None
    system_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)
    time_updated: AwareDatetime
    lifecycle_details: str | None = None
    admin_username: str
    password_verifier: str
    fqdn: str
    system_type: str = "OCI_OPTIMIZED_STORAGE"
    db_version: str
    config_id: str
    shape: str
    instance_ocpu_count: int
    instance_memory_size_in_gbs: int
    instance_count: int = 1
    instances: list[DbInstance]
    storage_details: OciOptimizedStorageDetails
    network_details: NetworkDetails
    management_policy: ManagementPolicyDetails

    @property
    def address(self) -> str:
        """The private address of the primary endpoint."""
        return str(self.network_details.primary_db_endpoint_private_ip)


class CreateDbSystemDetails(CreateDetails):
    """The request for a database system."""

    display_name: str = Field(min_length=1, max_length=255)
    description: str | None = None
    system_type: Literal["OCI_OPTIMIZED_STORAGE"] | None = None
    db_version: str
    config_id: str | None = None
    shape: str
    instance_ocpu_count: int | None = Field(default=None, ge=1, le=64)
    instance_memory_size_in_gbs: int | None = Field(default=None, ge=16, le=1024)
    instance_count: Literal[1] | None = None
    credentials: Credentials
    network_details: NetworkDetails
    storage_details: OciOptimizedStorageDetails
    management_policy: ManagementPolicyDetails | None = None


class UpdateDbConfigParams(Details):
    """The configuration that an update of the size names again."""

    config_id: str | None = None
    apply_config: Literal["RELOAD", "RESTART"] | None = None


class UpdateNetworkDetails(Details):
    """The security groups of an update."""

    nsg_ids: list[str] | None = Field(default=None, max_length=_MOST_GROUPS)
    is_reader_endpoint_enabled: Literal[False] | None = None


class UpdateStorageDetailsParams(Details):
    """The speed of the storage in an update."""

    iops: int | None = Field(default=None, gt=0)


class UpdateDbSystemDetails(NameAndTags):
    """The update of a database system."""

    description: str | None = None
    shape: str | None = None
    instance_ocpu_count: int | None = Field(default=None, ge=1, le=64)
    instance_memory_size_in_gbs: int | None = Field(default=None, ge=16, le=1024)
    db_configuration_params: UpdateDbConfigParams | None = None
    management_policy: ManagementPolicyDetails | None = None
    network_details: UpdateNetworkDetails | None = None
    storage_details: UpdateStorageDetailsParams | None = None


def create(cloud: Cloud, details: CreateDbSystemDetails) -> DbSystem:
    """Create a system, CREATING until its server answers; raises 400 for a public subnet."""
    details.credentials.check()
    verifier = details.credentials.password_details.verifier()
    if details.db_version not in VERSIONS:
        raise errors.invalid_parameter(
            f"dbVersion '{details.db_version}' is none of {', '.join(VERSIONS)}."
        )
    config_id = _config_id(details.db_version, details.config_id)
    shape = _shape(details.shape)
    domain = details.storage_details.availability_domain or DOMAINS[0]
    if domain not in DOMAINS:
        raise errors.invalid_parameter(
            f"availabilityDomain '{domain}' is none of {', '.join(DOMAINS)}."
        )
    common = details.common(cloud, DbSystem)
    network = _network(cloud, details.network_details, common, domain)
    now = common["time_created"]
    return cloud.store.put(
        DbSystem(
            **common,
            description=details.description,
            time_updated=now,
            lifecycle_state="CREATING",
            admin_username=details.credentials.username,
            password_verifier=verifier,
            fqdn=f"primary.{common['id'][-30:]}.postgresql.{ocids.REGION}.oci.oraclecloud.com",
            db_version=details.db_version,
            config_id=config_id,
            shape=shape,
            instance_ocpu_count=details.instance_ocpu_count or 1,
            instance_memory_size_in_gbs=details.instance_memory_size_in_gbs or 16,
            instances=[
                DbInstance(
                    id=ocids.mint("postgresqldbinstance"),
                    display_name=f"{details.display_name}-1",
                    availability_domain=domain,
                    time_created=now,
                    time_updated=now,
                )
            ],
            storage_details=details.storage_details.model_copy(
                update={"iops": details.storage_details.iops or _IOPS}
            ),
            network_details=network,
            management_policy=details.management_policy
            or ManagementPolicyDetails(backup_policy=DailyBackupPolicy(kind="NONE")),
        )
    )


def update(cloud: Cloud, system: DbSystem, details: UpdateDbSystemDetails) -> DbSystem:
    """Change a system; it is UPDATING until its server follows."""
    refuse_unless_active(system)
    resources.refuse_defined_tags(details)
    named = details.db_configuration_params
    _config_id(system.db_version, named.config_id if named else None)
    network, storage = system.network_details, system.storage_details
    if details.network_details and details.network_details.nsg_ids is not None:
        subnet = cloud.store.get(Subnet, network.subnet_id)
        nsg.check(cloud, subnet, details.network_details.nsg_ids)
        network = network.model_copy(update={"nsg_ids": details.network_details.nsg_ids})
    if details.storage_details and details.storage_details.iops:
        storage = storage.model_copy(update={"iops": details.storage_details.iops})
    plain = ("display_name", "description", "freeform_tags", "management_policy")
    sizes = ("instance_ocpu_count", "instance_memory_size_in_gbs")
    wanted = {name: getattr(details, name) for name in (*plain, *sizes)}
    return cloud.store.put(
        system.changed(
            **{name: value for name, value in wanted.items() if value is not None},
            shape=_shape(details.shape) if details.shape else system.shape,
            network_details=network,
            storage_details=storage,
            lifecycle_state="UPDATING",
            time_updated=cloud.now(),
        )
    )


def reset_password(
    cloud: Cloud, system: DbSystem, details: ResetMasterUserPasswordDetails
) -> DbSystem:
    """Give the administrator another password."""
    refuse_unless_active(system)
    verifier = details.password_details.verifier()
    return cloud.store.put(system.changed(password_verifier=verifier, lifecycle_state="UPDATING"))


def refuse_unless_active(system: DbSystem) -> None:
    """Raise 409 for a system that is being changed or that is over."""
    if system.lifecycle_state != "ACTIVE":
        raise errors.incorrect_state(f"The DB System {system.id} is {system.lifecycle_state}.")


def _shape(named: str) -> str:
    shape = named.removeprefix(PREFIX)
    if shape not in SHAPES:
        raise errors.invalid_parameter(
            f"shape '{named}' is none of {', '.join(PREFIX + each for each in SHAPES)}."
        )
    return shape


def _config_id(version: str, named: str | None) -> str:
    ours = default(version).id
    if named not in {None, ours}:
        raise errors.not_implemented(f"the configuration {named} (only the default one, {ours})")
    return ours


def _network(
    cloud: Cloud, details: NetworkDetails, common: dict[str, object], domain: str
) -> NetworkDetails:
    """Take an address in the private subnet, which the answer names."""
    subnet = cloud.store.related(Subnet, "subnetId", details.subnet_id)
    if not subnet.prohibit_public_ip_on_vnic:
        raise errors.invalid_parameter(
            f"The subnet {subnet.id} is public. A DB System needs a private subnet "
            "(prohibitPublicIpOnVnic)."
        )
    nsg.check(cloud, subnet, details.nsg_ids)
    wanted = details.primary_db_endpoint_private_ip
    address = private_ip.allocate(cloud, subnet.id, subnet.network, wanted)
    private_ip.of_a_service(
        cloud,
        str(common["id"]),
        compartment_id=str(common["compartment_id"]),
        subnet_id=subnet.id,
        availability_domain=domain,
        address=address,
    )
    return details.model_copy(
        update={"primary_db_endpoint_private_ip": address, "nsg_ids": details.nsg_ids or []}
    )
