"""Query parameters by which several operations of Core Services filter their lists."""

IN_VCN = ("compartmentId", "vcnId", "displayName", "lifecycleState")
IN_DOMAIN = ("compartmentId", "availabilityDomain")
