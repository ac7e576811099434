"""The way of a message from a topic to its confirmed subscriptions."""

from localcloud.cloud import Cloud
from localcloud.services.ons.subscription import Subscription


def publish(cloud: Cloud, topic_id: str, *, title: str, body: str) -> int:
    """Mail a message to each ACTIVE subscription of a topic; return their number."""
    subscriptions = cloud.store.find(Subscription, topic_id=topic_id, lifecycle_state="ACTIVE")
    for subscription in subscriptions:
        cloud.mail.send(to=subscription.endpoint, subject=title or "(no title)", text=body)
    return len(subscriptions)
