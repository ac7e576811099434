"""The names that Oracle's console shows."""

import pulumi


def display_name(name: str, stack: str = "") -> str:
    """Return the display name of a resource of a stack, by default this one, such as `auth-prod`.

    Stacks may share a compartment, and a person who deletes or stops something in the console must
    see its stack.
    """
    return f"{name}-{stack or pulumi.get_stack()}"
