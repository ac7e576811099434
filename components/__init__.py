"""The parts of the stack, in the order in which they are made."""
