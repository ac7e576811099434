"""The services of the emulated cloud, a module or package each; `discovery` finds them."""
