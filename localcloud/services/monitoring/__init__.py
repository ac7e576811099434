"""Oracle Monitoring: metrics that are posted and kept, and alarms that are evaluated.

Source: https://docs.oracle.com/en-us/iaas/api/#/en/monitoring/20180401/
"""

from localcloud.service import Service

SERVICE = Service(
    title="Monitoring", version="20180401", clients=("oci_monitoring.MonitoringClient",)
)
