"""E-mail subscriptions of a topic: an address receives nothing before it confirms."""

import secrets
from typing import Any, ClassVar

from pydantic import Field

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.operation import Call, Operation, Reply, creates, deletes, lists, reads, updates
from localcloud.api.wire import Resource, of_kind
from localcloud.cloud import Cloud
from localcloud.resources import TagDetails, Tags
from localcloud.service import ResourceType

VERSION = "20181201"
_MINIMUM = 3  # a@b


class Subscription(Resource):
    """An address that receives the messages of a topic; PENDING until it confirms."""

    kind: ClassVar[str] = "onssubscription"
    title: ClassVar[str] = "Subscription"
    hidden: ClassVar[frozenset[str]] = frozenset({"token"})
    id: str
    topic_id: str
    compartment_id: str
    protocol: str
    endpoint: str
    lifecycle_state: str
    created_time: int  # in milliseconds
    token: str
    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)


class CreateSubscriptionDetails(TagDetails):
    """The request for a subscription."""

    topic_id: str
    compartment_id: str
    protocol: str
    endpoint: str = Field(min_length=_MINIMUM, max_length=512)


class UpdateSubscriptionDetails(TagDetails):
    """The update of a subscription: its tags."""


def _create(cloud: Cloud, details: CreateSubscriptionDetails) -> Subscription:
    """Create a subscription, PENDING, and mail the link that confirms it.

    The same address of the same topic is the same subscription, as on Oracle Cloud.
    """
    resources.known_compartment(cloud, details.compartment_id)
    resources.refuse_defined_tags(details)
    cloud.store.related(of_kind("onstopic"), "topicId", details.topic_id)
    if details.protocol != "EMAIL":
        raise errors.invalid_parameter(
            f"Protocol {details.protocol} is not modelled by localcloud. Modelled: EMAIL."
        )
    if "@" not in details.endpoint.strip("@") or any(c.isspace() for c in details.endpoint):
        raise errors.invalid_parameter(f"Endpoint {details.endpoint!r} is no e-mail address.")
    for existing in cloud.store.find(
        Subscription, topic_id=details.topic_id, endpoint=details.endpoint
    ):
        return existing
    subscription = cloud.store.put(
        Subscription(
            id=ocids.mint(Subscription.kind),
            topic_id=details.topic_id,
            compartment_id=details.compartment_id,
            protocol=details.protocol,
            endpoint=details.endpoint,
            lifecycle_state="PENDING",
            created_time=int(cloud.now().timestamp() * 1000),
            token=secrets.token_urlsafe(24),
            freeform_tags=details.freeform_tags or {},
        )
    )
    link = (
        f"{cloud.home.endpoint}/{VERSION}/subscriptions/{subscription.id}/confirmation"
        f"?token={subscription.token}&protocol=EMAIL"
    )
    cloud.store.afterwards(
        lambda: cloud.mail.send(
            to=details.endpoint,
            subject="Oracle Cloud Infrastructure Notifications Service Subscription Confirmation",
            text=f"You chose to subscribe to the topic {details.topic_id}.\n\n"
            f"To confirm, follow this link:\n{link}\n",
        )
    )
    return subscription


def _confirm(call: Call) -> Reply:
    """Confirm a subscription by the token of its mail, which takes the place of a signature."""
    store = call.cloud.store
    with store.transaction():
        subscription = store.get(Subscription, call.target)
        if not secrets.compare_digest(subscription.token, call.query.get("token", "")):
            raise errors.not_found()
        store.put(subscription.changed(lifecycle_state="ACTIVE"))
    return Reply(
        body={
            "endpoint": subscription.endpoint,
            "message": "You have subscribed to the topic. To unsubscribe, delete the subscription.",
            "subscriptionId": subscription.id,
            "topicId": subscription.topic_id,
            "topicName": _topic_name(call.cloud, subscription.topic_id),
            "unsubscribeUrl": "",
        }
    )


def _topic_name(cloud: Cloud, topic: str) -> str:
    found = cloud.store.look_up(of_kind("onstopic"), topic)
    return str(getattr(found, "name", ""))


RESOURCE_TYPE = ResourceType(
    resource=Subscription,
    operations=(
        creates(
            "CreateSubscription",
            "/subscriptions",
            Subscription,
            CreateSubscriptionDetails,
            _create,
        ),
        lists(
            "ListSubscriptions",
            "/subscriptions",
            Subscription,
            ("compartmentId", "topicId"),
            sort_keys=(),
        ),
        reads("GetSubscription", "/subscriptions/{subscriptionId}", Subscription),
        updates(
            "UpdateSubscription",
            "/subscriptions/{subscriptionId}",
            Subscription,
            UpdateSubscriptionDetails,
            resources.update,
        ),
        deletes(
            "DeleteSubscription",
            "/subscriptions/{subscriptionId}",
            Subscription,
            lambda cloud, subscription: cloud.store.remove(subscription.id),
        ),
        Operation(
            name="GetConfirmSubscription",
            method="GET",
            path="/subscriptions/{subscriptionId}/confirmation",
            answer=_confirm,
            queries=frozenset({"token", "protocol"}),
            signed=False,
        ),
    ),
    limits="""
        - Subscriptions are of the protocol EMAIL. The mails go by SMTP to a mailbox of the home:
          `python -m localcloud mail` lists them, and nothing leaves this computer.
    """,
)
