"""The places of our metrics in Oracle Monitoring, and of our log in Oracle Logging."""

NAMESPACE = "auth"


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
