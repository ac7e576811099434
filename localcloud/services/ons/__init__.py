"""Oracle Notifications: topics, e-mail subscriptions, and messages by real mail.

Source: https://docs.oracle.com/en-us/iaas/api/#/en/notification/20181201/
"""

from localcloud.service import Service

SERVICE = Service(
    title="Notifications",
    version="20181201",
    clients=("oci_ons.NotificationControlPlaneClient", "oci_ons.NotificationDataPlaneClient"),
)
