"""The review of a change and its deployment to a stack.

Each command is a target of the Makefile and runs anywhere. GitHub's workflows only call them.
"""
