"""The operations of database systems."""

from localcloud.api import errors, paging, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields, once, reads
from localcloud.resources import known_compartment
from localcloud.service import ResourceType
from localcloud.services.psql import db_system, lifecycle
from localcloud.services.psql.configuration import collection
from localcloud.services.psql.credentials import ResetMasterUserPasswordDetails
from localcloud.services.psql.db_system import (
    CreateDbSystemDetails,
    DbSystem,
    UpdateDbSystemDetails,
)
from localcloud.services.psql.work_request import acted

_PORT = 5432
_SYSTEM = "/dbSystems/{dbSystemId}"
_FILTERS = {"displayName": "displayName", "lifecycleState": "lifecycleState", "id": "id"}
# fields of a system that a list leaves out
_WHOLE = ("networkDetails", "storageDetails", "managementPolicy", "instances", "adminUsername")


def _create(call: Call) -> DbSystem:
    details = wire.read(CreateDbSystemDetails, call.body)
    return once(call, DbSystem, lambda: db_system.create(call.cloud, details))


def _update(call: Call) -> DbSystem:
    details = wire.read(UpdateDbSystemDetails, call.body)
    return db_system.update(call.cloud, call.cloud.store.get(DbSystem, call.target), details)


def _reset_password(call: Call) -> DbSystem:
    details = wire.read(ResetMasterUserPasswordDetails, call.body)
    system = call.cloud.store.get(DbSystem, call.target)
    return db_system.reset_password(call.cloud, system, details)


def _delete(call: Call) -> DbSystem:
    system = call.cloud.store.get(DbSystem, call.target)
    if system.lifecycle_state not in {"ACTIVE", "FAILED"}:
        raise errors.incorrect_state(f"The DB System {system.id} is {system.lifecycle_state}.")
    return call.cloud.store.put(system.changed(lifecycle_state="DELETING"))


def _list(call: Call) -> Reply:
    if "compartmentId" in call.query:
        known_compartment(call.cloud, call.query["compartmentId"])
    items = [
        {name: value for name, value in system.wire().items() if name not in _WHOLE}
        for system in call.cloud.store.find(DbSystem)
    ]
    return collection(items, call, {**_FILTERS, "compartmentId": "compartmentId"})


def _connection_details(call: Call) -> Reply:
    system = call.cloud.store.get(DbSystem, call.target)
    if system.lifecycle_state in {"CREATING", "DELETED"}:
        raise errors.incorrect_state(f"The DB System {system.id} is {system.lifecycle_state}.")
    endpoint = {"fqdn": system.fqdn, "ipAddress": system.address, "port": _PORT}
    return Reply(
        body={
            "caCertificate": call.cloud.machines.databases.ca_certificate,
            "primaryDbEndpoint": endpoint,
            "instanceEndpoints": [
                {"dbInstanceId": instance.id, "endpoint": endpoint} for instance in system.instances
            ],
        }
    )


def _primary_instance(call: Call) -> Reply:
    system = call.cloud.store.get(DbSystem, call.target)
    return Reply(body={"dbInstanceId": system.instances[0].id})


RESOURCE_TYPE = ResourceType(
    resource=DbSystem,
    operations=(
        acted(
            "CreateDbSystem",
            "POST",
            "/dbSystems",
            _create,
            "CREATED",
            fields=tuple(body_fields(CreateDbSystemDetails)),
        ),
        Operation(
            name="ListDbSystems",
            method="GET",
            path="/dbSystems",
            answer=_list,
            queries=paging.PARAMETERS | {"compartmentId", *_FILTERS},
        ),
        reads("GetDbSystem", _SYSTEM, DbSystem),
        acted(
            "UpdateDbSystem",
            "PUT",
            _SYSTEM,
            _update,
            "UPDATED",
            fields=tuple(body_fields(UpdateDbSystemDetails)),
        ),
        acted("DeleteDbSystem", "DELETE", _SYSTEM, _delete, "DELETED"),
        acted(
            "ResetMasterUserPassword",
            "POST",
            f"{_SYSTEM}/actions/resetMasterUserPassword",
            _reset_password,
            "UPDATED",
            fields=tuple(body_fields(ResetMasterUserPasswordDetails)),
        ),
        Operation(
            name="GetConnectionDetails",
            method="GET",
            path=f"{_SYSTEM}/connectionDetails",
            answer=_connection_details,
        ),
        Operation(
            name="GetPrimaryDbInstance",
            method="GET",
            path=f"{_SYSTEM}/primaryDbInstance",
            answer=_primary_instance,
        ),
    ),
    steps=lifecycle.STEPS,
    recover=lifecycle.recover,
    limits="""
        - A database system is a container with the PostgreSQL server of this computer's
          distribution, whatever `dbVersion` says. It takes TLS with passwords alone, by a
          certificate of the CA in its connection details. Its administrator is no superuser.
        - Machines of its VCN find it by the name of its primary endpoint, if the rules of its
          subnet and its security groups let them in. The endpoint's private address leads
          nowhere.
        - Its size, speed and backup policy are kept and shown, and have no effect: there are no
          backups. Replicas, reader endpoints, own configurations, passwords in Vault, stops and
          restores are refused.
    """,
)
