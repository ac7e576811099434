"""Messages of a topic, as mails in the cloud's mailbox."""

import re
from typing import Any

import httpx
import oci
import pytest
from oci.ons import models

from localcloud.state import mail
from tests.localcloud.caller import Caller, refused
from tests.localcloud.notifications import confirm, mails, topic_with


@pytest.fixture(name="ons")
def _ons(caller: Caller) -> Any:
    return caller.client(oci.ons.NotificationDataPlaneClient)


def test_an_address_gets_messages_once_it_has_confirmed_by_the_link_of_its_mail(
    ons: Any, caller: Caller
) -> None:
    topic, subscription = topic_with(caller, "told@example.test")
    ons.publish_message(topic, models.MessageDetails(title="early", body="lost"))
    assert subscription.lifecycle_state == "PENDING"

    confirm(caller, "told@example.test")
    ons.publish_message(topic, models.MessageDetails(title="fire", body="Call somebody.\n"))

    assert ons.get_subscription(subscription.id).data.lifecycle_state == "ACTIVE"
    confirmation, message = mails(caller, "told@example.test")
    assert "Subscription Confirmation" in confirmation.subject
    assert (message.subject, message.text) == ("fire", "Call somebody.\n")


def test_a_wrong_token_confirms_nothing(ons: Any, caller: Caller) -> None:
    _, subscription = topic_with(caller, "wrong@example.test")
    (link,) = re.findall(r"http\S+", mails(caller, "wrong@example.test")[-1].text)

    answer = httpx.get(link.replace("token=", "token=x"), trust_env=False)

    assert answer.status_code == 404
    assert ons.get_subscription(subscription.id).data.lifecycle_state == "PENDING"


def test_an_address_is_subscribed_to_a_topic_once(ons: Any, caller: Caller) -> None:
    topic, subscription = topic_with(caller, "once@example.test")
    details = models.CreateSubscriptionDetails(
        topic_id=topic,
        compartment_id=caller.compartment,
        protocol="EMAIL",
        endpoint="once@example.test",
    )
    assert ons.create_subscription(details).data.id == subscription.id
    assert len(ons.list_subscriptions(caller.compartment, topic_id=topic).data) == 1


@pytest.mark.parametrize(
    ("protocol", "endpoint"), [("EMAIL", "nobody"), ("EMAIL", "a b@c"), ("PAGERDUTY", "a@b.test")]
)
def test_a_protocol_or_an_address_that_is_not_modelled_is_refused(
    ons: Any, caller: Caller, protocol: str, endpoint: str
) -> None:
    topic, _ = topic_with(caller, "first@example.test")
    details = models.CreateSubscriptionDetails(
        topic_id=topic, compartment_id=caller.compartment, protocol=protocol, endpoint=endpoint
    )
    text = refused(400, "InvalidParameter", ons.create_subscription, details)
    assert (protocol if protocol != "EMAIL" else endpoint) in text


def test_a_topic_goes_with_its_subscriptions(ons: Any, caller: Caller) -> None:
    topic, subscription = topic_with(caller, "gone@example.test")
    caller.client(oci.ons.NotificationControlPlaneClient).delete_topic(topic)
    refused(404, "NotAuthorizedOrNotFound", ons.get_subscription, subscription.id)


def test_the_mailbox_has_a_bound(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MOST_MAILS", 2)
    for address in ("a@example.test", "b@example.test"):
        topic_with(caller, address)
    mail._forget_oldest(caller.home)
    assert len(mail.received(caller.home)) == 2
