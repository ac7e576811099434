"""The code that several folders share. It needs Python alone, since it runs before any package."""
