"""The pages that people see: plain HTML from the server, complete without JavaScript."""
