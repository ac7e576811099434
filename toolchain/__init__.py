"""How the tools get onto a machine, and the commands that use them."""
