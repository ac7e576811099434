"""Topics of a test, and the mails that reach their addresses."""

import re
import uuid
from typing import Any

import httpx
import oci
from oci.ons import models

from localcloud.state import mail
from localcloud.state.mail import Mail
from tests.localcloud.caller import Caller


def topic_with(caller: Caller, address: str) -> tuple[str, Any]:
    """Return the OCID of a new topic, and its subscription of the address."""
    topics = caller.client(oci.ons.NotificationControlPlaneClient)
    details = models.CreateTopicDetails(
        compartment_id=caller.compartment, name=f"topic-{uuid.uuid4()}", description="for a test"
    )
    topic = topics.create_topic(details).data.topic_id
    subscription = models.CreateSubscriptionDetails(
        topic_id=topic, compartment_id=caller.compartment, protocol="EMAIL", endpoint=address
    )
    client = caller.client(oci.ons.NotificationDataPlaneClient)
    return topic, client.create_subscription(subscription).data


def mails(caller: Caller, address: str) -> list[Mail]:
    """Return the mails to an address, oldest first."""
    return [each for each in mail.received(caller.home) if each.to == address]


def confirm(caller: Caller, address: str) -> None:
    """Follow the link in the last mail to an address."""
    link = re.findall(r"http\S+", mails(caller, address)[-1].text)[-1]
    httpx.get(link, trust_env=False).raise_for_status()
