"""auth-release: brings the desired state of a service to this host, without a lost request.

Runs as root on the VM, on Python's standard library, Docker and Caddy; the program installs it as a
single executable file. The desired state is a JSON document on stdin (see `desired.Desired`);
progress goes to stderr, and the result is a line of JSON on stdout.

A release: check, pull, run the hooks before it, start the new container beside the old container,
wait until it is healthy, try it on a share of the requests if the desired state has a canary,
switch, record; then watch the new release while the old container stands by, drain and stop the old
container, and prune. A failure before the switch leaves the old container untouched; after a
failure in the watch it takes over again. The service's route names the live release, and nothing
else does: from there the next run finishes or undoes the work of a killed run.
"""
