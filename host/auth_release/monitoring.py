"""The place of our metrics in Oracle Monitoring."""

NAMESPACE = "auth"


def endpoint(region: str) -> str:
    """Return the URL of a region's API that takes metrics.

    Source: https://docs.oracle.com/en-us/iaas/api/#/en/monitoring/20180401/MetricData/PostMetricData
    """
    return f"https://telemetry-ingestion.{region}.oraclecloud.com"
