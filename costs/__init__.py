"""The monthly cost of a stack's resources, from a dated price list: `prices.json`.

`price_list.py` reads the list, `bill.py` applies it. Nothing here asks a cloud: the cost is that of
a plan, before anything is made.
"""
