"""What several folders need, on Python alone: it runs before there are any packages."""
