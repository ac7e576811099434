"""What GitHub runs besides the tests: the review of a change, and the way of one to a stack.

Each command is a target of the Makefile and runs anywhere; the workflows only call them.
"""
