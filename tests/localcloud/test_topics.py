"""Topics of Oracle Notifications, a service of its own beside Core Services."""

from typing import Any

import oci
import pytest
from oci.ons import models

from tests.localcloud.caller import Caller, refused


@pytest.fixture(name="ons")
def _ons(caller: Caller) -> Any:
    return caller.client(oci.ons.NotificationControlPlaneClient)


def create(ons: Any, caller: Caller, name: str, **fields: Any) -> Any:
    details = models.CreateTopicDetails(
        compartment_id=caller.compartment, name=name, **{"description": "for a test", **fields}
    )
    return ons.create_topic(details)


def test_a_topic_is_created_read_updated_and_deleted(ons: Any, caller: Caller) -> None:
    topic = create(ons, caller, "alarms", freeform_tags={"team": "auth"}).data
    assert topic.lifecycle_state == "ACTIVE"
    assert topic.topic_id.startswith("ocid1.onstopic.oc1.")
    details = models.TopicAttributesDetails(description="for alarms")
    ons.update_topic(topic.topic_id, details)
    read = ons.get_topic(topic.topic_id).data
    assert (read.name, read.description) == ("alarms", "for alarms")
    assert read.freeform_tags == {"team": "auth"}

    ons.delete_topic(topic.topic_id)

    refused(404, "NotAuthorizedOrNotFound", ons.get_topic, topic.topic_id)


def test_topics_are_listed_by_name_id_and_in_order(ons: Any, caller: Caller) -> None:
    first, second = (create(ons, caller, name).data.topic_id for name in ("b", "a"))

    def listed(**query: Any) -> list[str]:
        return [topic.topic_id for topic in ons.list_topics(caller.compartment, **query).data]

    assert listed(name="a") == [second]
    assert listed(id=first) == [first]
    # other tests may have topics in the same compartment
    in_order = listed(sort_by="TIMECREATED", sort_order="ASC")
    assert [topic for topic in in_order if topic in {first, second}] == [first, second]
    assert len(listed(limit=1)) == 1
    assert {first, second} <= set(listed(lifecycle_state="ACTIVE", sort_by="LIFECYCLESTATE"))
    for topic in (first, second):
        ons.delete_topic(topic)


def test_a_name_is_taken_once_in_the_tenancy(ons: Any, caller: Caller) -> None:
    topic = create(ons, caller, "taken").data
    text = refused(409, "Conflict", create, ons, caller, "taken")
    assert "taken" in text
    create(ons, caller, "Taken")
    moved = models.ChangeCompartmentDetails(compartment_id=caller.account.tenancy)
    ons.change_topic_compartment(topic.topic_id, moved)
    assert ons.get_topic(topic.topic_id).data.compartment_id == caller.account.tenancy
    refused(409, "Conflict", create, ons, caller, "taken")


def test_a_create_repeated_with_its_retry_token_creates_one_topic(ons: Any, caller: Caller) -> None:
    details = models.CreateTopicDetails(compartment_id=caller.compartment, name="repeated")
    topics = {ons.create_topic(details, opc_retry_token="topic").data.topic_id for _ in range(2)}
    assert len(topics) == 1


def test_a_change_with_an_old_etag_is_refused(ons: Any, caller: Caller) -> None:
    created = create(ons, caller, "contended")
    topic, etag = created.data.topic_id, created.headers["etag"]
    details = models.TopicAttributesDetails(description="mine")
    ons.update_topic(topic, details, if_match=etag)
    refused(412, "NoEtagMatch", ons.update_topic, topic, details, if_match=etag)
