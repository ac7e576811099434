"""Topics, and the messages that go to their subscriptions."""

import uuid
from typing import Any, ClassVar

from pydantic import Field

from localcloud import ocids, resources
from localcloud.api import errors, wire
from localcloud.api.operation import (
    Call,
    Operation,
    Reply,
    acts,
    creates,
    deletes,
    lists,
    reads,
    updates,
)
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import ChangeCompartmentDetails, LifecycleResource, TagDetails, Tags
from localcloud.service import ResourceType
from localcloud.services.ons import delivery
from localcloud.services.ons.subscription import Subscription


class NotificationTopic(LifecycleResource):
    """A topic: an address for messages."""

    kind: ClassVar[str] = "onstopic"
    title: ClassVar[str] = "Topic"
    identifier: ClassVar[str] = "topic_id"
    topic_id: str
    name: str
    description: str
    api_endpoint: str
    short_topic_id: str
    freeform_tags: Tags
    defined_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)


class CreateTopicDetails(TagDetails):
    """The request for a topic."""

    compartment_id: str
    name: str = Field(min_length=1)
    description: str = ""


class TopicAttributesDetails(TagDetails):
    """The update of a topic; Oracle requires the description."""

    description: str


def create(cloud: Cloud, details: CreateTopicDetails) -> NotificationTopic:
    """Create a topic, ACTIVE at once; raises 409 if the tenancy has a topic of this name.

    Source: https://docs.oracle.com/iaas/Content/Notification/Tasks/create-topic.htm
    """
    resources.known_compartment(cloud, details.compartment_id)
    resources.refuse_defined_tags(details)
    if cloud.store.find(NotificationTopic, name=details.name):
        raise errors.conflict(f"Topic {details.name} already exists in this tenancy.")
    ocid = ocids.mint(NotificationTopic.kind)
    return cloud.store.put(
        NotificationTopic(
            topic_id=ocid,
            compartment_id=details.compartment_id,
            name=details.name,
            description=details.description,
            freeform_tags=details.freeform_tags or {},
            time_created=cloud.now(),
            lifecycle_state="ACTIVE",
            api_endpoint=cloud.home.endpoint,
            short_topic_id=ocid[-10:],
        )
    )


def _move(cloud: Cloud, topic: NotificationTopic, details: ChangeCompartmentDetails) -> None:
    resources.move(cloud, topic, details)


class MessageDetails(Details):
    """A message for all subscriptions of a topic."""

    title: str = ""
    body: str = Field(min_length=1, max_length=64 << 10)


def _publish(call: Call) -> Reply:
    """Send a message to each confirmed subscription."""
    details = wire.read(MessageDetails, call.body)
    topic = call.cloud.store.get(NotificationTopic, call.target)
    delivery.publish(call.cloud, topic.topic_id, title=details.title, body=details.body)
    now = call.cloud.now().isoformat().replace("+00:00", "Z")
    return Reply(status=202, body={"messageId": str(uuid.uuid4()), "timeStamp": now})


def _delete(cloud: Cloud, topic: NotificationTopic) -> None:
    """Delete a topic with its subscriptions, as Oracle does."""
    own = [s.ocid for s in cloud.store.find(Subscription, topic_id=topic.topic_id)]
    resources.delete(cloud, topic, own=own)


RESOURCE_TYPE = ResourceType(
    resource=NotificationTopic,
    operations=(
        creates("CreateTopic", "/topics", NotificationTopic, CreateTopicDetails, create),
        lists(
            "ListTopics",
            "/topics",
            NotificationTopic,
            ("compartmentId", "id", "name", "lifecycleState"),
            sort_keys=("TIMECREATED", "LIFECYCLESTATE"),
        ),
        reads("GetTopic", "/topics/{topicId}", NotificationTopic),
        updates(
            "UpdateTopic",
            "/topics/{topicId}",
            NotificationTopic,
            TopicAttributesDetails,
            resources.update,
        ),
        acts(
            "ChangeTopicCompartment",
            "/topics/{topicId}/actions/changeCompartment",
            NotificationTopic,
            ChangeCompartmentDetails,
            _move,
        ),
        deletes("DeleteTopic", "/topics/{topicId}", NotificationTopic, _delete),
        Operation(
            name="PublishMessage",
            method="POST",
            path="/topics/{topicId}/messages",
            answer=_publish,
            fields=("title", "body"),
        ),
    ),
)
