"""A valid launch request, of which a test makes a part invalid."""

import base64
from typing import Any

from oci.core import models

from localcloud.host import default_shape
from tests.localcloud.caller import Caller


def launch_details(caller: Caller, subnet: Any, **fields: Any) -> Any:
    return models.LaunchInstanceDetails(
        **{
            "compartment_id": caller.compartment,
            "availability_domain": caller.domains[0],
            "shape": default_shape(),
            "shape_config": models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
            "source_details": source(latest_image(caller)),
            "create_vnic_details": vnic(subnet),
            "metadata": {"user_data": encoded("#cloud-config\n{}\n")},
            **fields,
        }
    )


def latest_image(caller: Caller) -> str:
    images = caller.compute.list_images(
        caller.compartment,
        operating_system="Canonical Ubuntu",
        operating_system_version="24.04",
        shape=default_shape(),
        sort_by="TIMECREATED",
        sort_order="DESC",
    ).data
    return str(images[0].id)


def source(image_id: str, size_in_gbs: int = 50) -> Any:
    return models.InstanceSourceViaImageDetails(
        image_id=image_id, boot_volume_size_in_gbs=size_in_gbs
    )


def vnic(subnet: Any, **fields: Any) -> Any:
    return models.CreateVnicDetails(**{"subnet_id": subnet.id, "assign_public_ip": False, **fields})


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
