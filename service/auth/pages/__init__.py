"""The pages that people see: plain HTML from the server. Passkeys alone need JavaScript."""
