"""The contract between stand-ins and official plugins: the same decision on each change.

`changes.py` lists the changes, `decisions.json` the official plugins' decisions, recorded by
`python -m tests.contract DIR` with the plugins in DIR.
"""
