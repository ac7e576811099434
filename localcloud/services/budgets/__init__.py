"""Oracle's Budgets: the monthly budget of a compartment, and the rules that mail about it.

Source: https://docs.oracle.com/en-us/iaas/api/#/en/budgets/20190111/
"""

from localcloud.service import Service

SERVICE = Service(title="Budgets", version="20190111", clients=("oci_budget.BudgetClient",))
