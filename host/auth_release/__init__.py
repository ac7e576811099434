"""auth-release: makes the desired state of a service the running one, without a lost request.

Runs as root on the VM, with nothing but Python's standard library, Docker and Caddy; the program
puts it there as one executable file. The desired state is a JSON document on stdin (see
`desired.Desired`); progress goes to stderr, the result is one line of JSON on stdout.

A release: check, pull, run the hooks before it, start the new container beside the old one, wait
until it is healthy, try it on a share of the requests if so wished, switch the proxy, drain and
stop the old one, record, prune. Whatever fails before the switch leaves the old one untouched. The
proxy's site file is the one truth about which release is live: a run that was killed is finished,
or undone, by the next one from there.
"""
