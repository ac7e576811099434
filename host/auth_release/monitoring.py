"""The places of our metrics in Oracle Monitoring, and of our log in Oracle Logging."""

from dataclasses import dataclass

NAMESPACE = "auth"


@dataclass(frozen=True, kw_only=True)
class Log:
    """A custom log of Oracle Logging: its OCID, and the URL of the region's ingestion."""

    ocid: str
    endpoint: str


def endpoint(region: str) -> str:
    """Return the URL of a region's API that takes metrics.

    Source: https://docs.oracle.com/en-us/iaas/api/#/en/monitoring/20180401/MetricData/PostMetricData
    """
    return f"https://telemetry-ingestion.{region}.oraclecloud.com"


def ingestion(region: str) -> str:
    """Return the URL of a region's API that takes the entries of logs.

    Source: https://docs.oracle.com/en-us/iaas/api/#/en/logging-dataplane/20200831/
    """
    return f"https://ingestion.logging.{region}.oci.oraclecloud.com"
