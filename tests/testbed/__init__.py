"""A clone of the product with its own stack, for the end-to-end tests and for `make bench`."""
