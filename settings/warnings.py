"""Warnings about a configuration that works, but surprises: by costs, or by a risk."""

from collections.abc import Collection

from components.endpoint import Endpoint
from components.machine import Machine
from costs import price_list
from settings.values import ANYWHERE

_A1 = "VM.Standard.A1.Flex"


def warnings(
    machine: Machine,
    *,
    machines: int,
    environment: str,
    endpoint: Endpoint,
    has_backup: bool,
    alert_emails: Collection[str],
    has_metrics: bool,
    allowed_http_cidrs: Collection[str],
) -> list[str]:
    """Return the warnings, with remedies where there are any; `machines` are alike."""
    messages = []
    free_ocpus, free_memory_in_gbs = (_free_all_month(unit) for unit in ("ocpu", "memory"))
    if machine.shape == _A1 and (
        machines * machine.ocpus > free_ocpus
        or machines * machine.memory_in_gbs > free_memory_in_gbs
    ):
        nodes = f" of each of auth:nodes={machines}" if machines > 1 else ""
        messages.append(
            f"auth:ocpus={machine.ocpus} and auth:memoryInGbs={machine.memory_in_gbs}{nodes} "
            f"exceed Always Free ({free_ocpus} OCPUs and {free_memory_in_gbs} GB of A1 in all): "
            f"{'these VMs' if machines > 1 else 'this VM'} will cost money."
        )
    if environment == "production" and not endpoint.is_https:
        messages.append(
            "auth:allowPlainHttp is true and auth:domain is empty: passwords and tokens travel "
            "unencrypted. HTTPS needs no domain: pulumi config rm auth:allowPlainHttp"
        )
    if endpoint.is_https and not endpoint.directory and ANYWHERE not in allowed_http_cidrs:
        messages.append(
            f"auth:allowedHttpCidrs lacks {ANYWHERE}: Let's Encrypt asks from the internet, and "
            "gives no certificate. Let it in, name a CA inside (auth:acmeDirectory), or serve "
            "plain HTTP: pulumi config set auth:allowPlainHttp true"
        )
    if environment == "production" and not has_backup:
        messages.append(
            "auth:backupBucket is empty: the accounts are on the data volume alone, and lost with "
            "it. `make bucket STACK=NAME PROFILE=ADMIN` makes a bucket for copies."
        )
    if environment == "production" and not alert_emails:
        messages.append(
            "auth:alertEmails is empty: nobody is mailed when the service stops answering. "
            "Name an address: pulumi config set --path 'auth:alertEmails[0]' ADDRESS"
        )
    if environment == "production" and alert_emails and not has_metrics:
        messages.append(
            "auth:metricsUserOcid is empty: no alarm is on errors, latency, certificate, disk, "
            "memory, backup, drill or log-ins. docs/oracle-cloud.md, step 7, leads to a user who "
            "may post metrics."
        )
    if environment == "production" and alert_emails and ANYWHERE not in allowed_http_cidrs:
        messages.append(
            f"auth:allowedHttpCidrs lacks {ANYWHERE}: Oracle's monitor asks from the internet, "
            "and the alarm for a site that is down fires all the time. Empty auth:alertEmails, "
            "or let the monitor in."
        )
    return messages


def _free_all_month(unit: str) -> int:
    """Return the quantity of A1 that is Always Free in each hour of a month."""
    prices = price_list.current()
    return int(prices.meters[prices.shapes[_A1][unit]].free // prices.hours_per_month)
