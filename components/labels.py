"""The names that Oracle's console shows."""

import pulumi


def display_name(name: str) -> str:
    """Return the display name of a resource of this stack, such as `auth-prod`.

    Stacks may share a compartment, and a person who deletes or stops something in the console must
    see its stack.
    """
    return f"{name}-{pulumi.get_stack()}"
