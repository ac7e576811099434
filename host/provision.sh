#!/usr/bin/env bash
# Prepares a bare Ubuntu VM for releases: Docker, firewall, SSH.
# Arrives over SSH on stdin and runs as root. Each step changes only the unfinished parts, so the
# next run finishes an interrupted run.
#
#   bash -s -- --boot-volume OCID
set -euo pipefail

PACKAGES=(docker.io unattended-upgrades)
APT_LOCKS=(/var/lib/dpkg/lock-frontend /var/lib/apt/lists/lock /var/cache/apt/archives/lock
  /var/lib/dpkg/lock)
APT_STAMP=/var/lib/apt/periodic/update-success-stamp
DOCKER_IS_CHANGED=no  # its settings, while it runs
APT_WAIT_SECONDS=600  # in all: a first boot's unattended-upgrades takes minutes

step() { printf '%s...\n' "$1" >&2; }
fail() { printf 'Provisioning stopped: %s\n' "$1" >&2; exit 1; }

# Write stdin to a file if that changes it; the exit status is 0 for a change.
changed() {
  local path=$1 content
  content=$(cat; printf x)  # x keeps the trailing newline
  content=${content%x}
  if [[ -f $path && "$(cat "$path"; printf x)" == "${content}x" ]]; then return 1; fi
  mkdir -p "$(dirname "$path")"
  printf '%s' "$content" > "$path.new"
  mv "$path.new" "$path"
}

wait_for_cloud_init() {
  step "Wait for cloud-init"
  local status=0
  cloud-init status --wait > /dev/null 2>&1 || status=$?
  # 2 is "done, with recoverable errors" since cloud-init 23.4
  if (( status == 1 )); then
    cloud-init status --long >&2 || true
    fail "cloud-init failed on this VM; see /var/log/cloud-init-output.log"
  fi
}

# Print number, file and name of a process that holds a lock of apt's, or nothing. They are fcntl(2)
# locks, which flock(1) does not see.
apt_lock_holder() {
  python3 - "${APT_LOCKS[@]}" <<'PYTHON'
import contextlib, fcntl, os, pathlib, struct, sys

FLOCK = "hhqqi4x"  # struct flock on 64-bit Linux: type, whence, start, length, process
for path in sys.argv[1:]:
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as lock:
        question = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, *_, process = struct.unpack(FLOCK, fcntl.fcntl(lock, fcntl.F_GETLK, question))
        if kind != fcntl.F_UNLCK:
            name = "a process that just ended"
            with contextlib.suppress(OSError):
                name = pathlib.Path(f"/proc/{process}/comm").read_text().strip()
            sys.exit(print(process, path, name))
PYTHON
}

wait_for_apt_locks() {
  local process path name began=$SECONDS waited=0 next_report=0
  while read -r process path name < <(apt_lock_holder); do
    waited=$(( SECONDS - began ))
    (( waited < APT_WAIT_SECONDS )) || fail "$name (process $process) still holds $path, and apt \
can't be used. See its work: systemctl status $process. Then run this again."
    if (( waited >= next_report )); then
      printf '  Wait for %s (process %s), which holds %s; %s s so far\n' \
        "$name" "$process" "$path" "$waited" >&2
      next_report=$(( waited + 20 ))
    fi
    sleep 1
  done
  APT_WAIT_SECONDS=$(( APT_WAIT_SECONDS - waited ))
}

# Run a command that takes apt's locks, as soon as they are free. DPkg::Lock::Timeout would cover
# neither `dpkg --configure` nor the locks of the lists and archives.
with_apt_locks() {
  local errors status
  errors=$(mktemp)
  while true; do
    wait_for_apt_locks
    status=0
    LC_ALL=C "$@" 2> "$errors" || status=$?
    # another process may have taken a lock meanwhile
    (( status && APT_WAIT_SECONDS-- > 0 )) || break
    grep -Eq 'Could not get lock|Unable to (acquire|lock)|locked by another process' "$errors" \
      || break
    sleep 1
  done
  cat "$errors" >&2
  rm "$errors"
  return "$status"
}

# Show whether the package lists are younger than a day. A first boot updates them, in its daily job.
lists_are_fresh() {
  [[ -n $(find "$APT_STAMP" -mmin "-$(( 24 * 60 ))" 2> /dev/null) ]]
}

install_packages() {
  step "Install ${PACKAGES[*]}"
  if dpkg-query --show --showformat='${db:Status-Abbrev}\n' "${PACKAGES[@]}" 2> /dev/null \
      | grep -qv '^ii' || ! dpkg-query --show "${PACKAGES[@]}" > /dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    local install=(apt-get -qq install --no-install-recommends "${PACKAGES[@]}" iptables)
    # an interrupted run may have left packages half configured
    with_apt_locks dpkg --configure -a
    # the archive may have replaced a package since the lists were made
    if ! lists_are_fresh || ! with_apt_locks "${install[@]}" > /dev/null; then
      with_apt_locks apt-get -qq update
      with_apt_locks "${install[@]}" > /dev/null
    fi
  fi
}

# Oracle serves a VM at link-local addresses: its disks by iSCSI at 169.254.0.2 and 169.254.2.0/24;
# its metadata, user data with the host key included, at port 80 of 169.254.169.254; names and time
# at ports 53 and 123 there.
guard_link_local() {
  step "Guard the link-local addresses"
  changed /usr/local/sbin/auth-link-local <<'SCRIPT' || true
#!/bin/sh
# Containers reach names at the link-local addresses, and nothing else; of this host's users root
# alone reaches the metadata. Runs before Docker starts a container, and changes nothing twice.
set -eu
ensure() {
  chain=$1
  shift
  iptables --wait -C "$chain" "$@" 2> /dev/null || iptables --wait -I "$chain" "$@"
}
# Docker uses an existing chain as it is
iptables --wait -N DOCKER-USER 2> /dev/null || true
# declaring a chain empties it, in a step with the rules that follow
iptables-restore --noflush --wait <<'RULES'
*filter
:AUTH-LINK-LOCAL - [0:0]
-A AUTH-LINK-LOCAL -d 169.254.169.254/32 -p udp -m udp --dport 53 -j RETURN
-A AUTH-LINK-LOCAL -d 169.254.169.254/32 -p tcp -m tcp --dport 53 -j RETURN
-A AUTH-LINK-LOCAL -j REJECT
COMMIT
RULES
ensure DOCKER-USER -d 169.254.0.0/16 -j AUTH-LINK-LOCAL
# Before Oracle's own rules, which let every user in. Not UDP: the daemons that ask for names, the
# time and the VM's address run as users of their own.
ensure OUTPUT -d 169.254.169.254/32 -p tcp -m tcp ! --dport 53 -m owner ! --uid-owner 0 -j REJECT
SCRIPT
  chmod 0755 /usr/local/sbin/auth-link-local
  changed /etc/systemd/system/auth-link-local.service <<'UNIT' || true
[Unit]
Description=Keeps containers and users from the cloud's link-local services
DefaultDependencies=no
After=local-fs.target netfilter-persistent.service
PartOf=netfilter-persistent.service
Wants=network-pre.target
Before=network-pre.target docker.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/auth-link-local

[Install]
WantedBy=multi-user.target
UNIT
  changed /etc/systemd/system/docker.service.d/link-local.conf <<'UNIT' || true
[Service]
ExecStartPre=/usr/local/sbin/auth-link-local
UNIT
}

# This and the journal come before the installation, which starts Docker: so Docker starts with its
# settings at once.
configure_docker() {
  step "Configure Docker"
  changed /etc/docker/daemon.json <<'JSON' && DOCKER_IS_CHANGED=yes
{
  "icc": false,
  "live-restore": true,
  "log-driver": "journald",
  "log-opts": {
    "labels": "auth.service,auth.hook",
    "max-buffer-size": "4m",
    "mode": "non-blocking"
  },
  "no-new-privileges": true
}
JSON
  # Docker waits for the data volume but does not require it: without it Docker runs, and the release
  # tool can report the missing volume; their mount point holds the service's containers back.
  changed /etc/systemd/system/docker.service.d/auth.conf <<'UNIT' && DOCKER_IS_CHANGED=yes
[Unit]
Wants=auth-data.service
After=auth-data.service
UNIT
  # a Docker that is not installed or does not run reads its settings when it starts
  systemctl is-active --quiet docker.service || DOCKER_IS_CHANGED=no
}

# All logs are in the journal: it outlives containers and reboots, and its bounds are here. A flood of
# requests may take the place of older lines, but no limit on the rate hides a line of it. The lines
# of requests have the addresses of their callers: they are kept for a month.
configure_journal() {
  step "Configure the journal"
  if changed /etc/systemd/journald.conf.d/auth.conf <<'CONF'
[Journal]
Storage=persistent
SystemMaxUse=2G
SystemKeepFree=2G
SystemMaxFileSize=64M
MaxRetentionSec=1month
ForwardToSyslog=no
CONF
  then systemctl restart systemd-journald.service; fi
  local unit
  for unit in docker auth-logs; do
    changed "/etc/systemd/system/$unit.service.d/journal.conf" <<'UNIT' || true
[Service]
LogRateLimitIntervalSec=0
UNIT
  done
}

# Containers write their logs into pipes that Docker's engine reads. During a stop, restart or upgrade
# of the engine a container would stand still at the line that fills its pipe.
read_logs_without_docker() {
  step "Let the containers' logs be read while Docker is stopped"
  changed /etc/systemd/system/auth-logs.service <<'UNIT' || true
[Unit]
Description=Reads the containers' logs while Docker is stopped

[Service]
ExecStart=/usr/local/sbin/auth-logs
UNIT
  changed /usr/local/sbin/auth-logs <<'SCRIPT' || true
#!/bin/sh
# The journal gets the lines under the names of their containers.
for pipe in /run/docker/containerd/*/*-std*; do
  [ -p "$pipe" ] || continue
  id=$(basename "$(dirname "$pipe")")
  name=$(sed -n 's|.*"Name":"/\([^"]*\)".*|\1|p' "/var/lib/docker/containers/$id/config.v2.json")
  systemd-cat --identifier="$name" cat "$pipe" &
done
wait
SCRIPT
  chmod 0755 /usr/local/sbin/auth-logs
  changed /etc/systemd/system/docker.service.d/logs.conf <<'UNIT' || true
[Service]
ExecStartPre=-/bin/systemctl stop auth-logs.service
ExecStopPost=-/bin/systemctl start --no-block auth-logs.service
UNIT
}

# Oracle's Ubuntu images reject all but SSH in iptables, even with open security rules.
open_firewall() {
  step "Open ports 80 and 443"
  local rule=(INPUT -p tcp -m multiport --dports "80,443" -m conntrack --ctstate NEW -j ACCEPT) at
  if ! iptables -C "${rule[@]}" 2> /dev/null; then
    at=$(iptables -L INPUT -n --line-numbers | awk '$2 == "REJECT" { print $1; exit }')
    iptables -I INPUT "${at:-1}" "${rule[@]:1}"
  fi
  # edited by hand: saving the live rules would freeze Docker's own chains into the file
  local saved=/etc/iptables/rules.v4
  if [[ -f $saved ]] && ! grep -q -- '--dports 80,443' "$saved"; then
    awk -v rule="-A ${rule[*]}" '/^-A INPUT .*REJECT/ && !done { print rule; done = 1 } { print }' \
      "$saved" > "$saved.new"
    mv "$saved.new" "$saved"
  fi
}

# The routes to the live releases are kernel rules, and the kernel forgets them when the VM stops.
restore_routes_on_boot() {
  step "Restore the routes on each boot"
  changed /etc/systemd/system/auth-routes.service <<'UNIT' || true
[Unit]
Description=Leads the proxy's requests to the live releases
After=netfilter-persistent.service
Before=caddy.service
ConditionPathExists=/usr/local/sbin/auth-release

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/auth-release routes

[Install]
WantedBy=multi-user.target
UNIT
}

# A reboot may interrupt the watch of a new release, or the end of the release before it.
finish_releases_on_boot() {
  step "Finish interrupted releases on each boot"
  changed /etc/systemd/system/auth-finish.service <<'UNIT' || true
[Unit]
Description=Finishes releases that a reboot interrupted
After=docker.service auth-routes.service caddy.service
ConditionPathExists=/usr/local/sbin/auth-release

[Service]
ExecStart=/usr/local/sbin/auth-release finish

[Install]
WantedBy=multi-user.target
UNIT
}

# Once for all units: systemd takes a moment to read them all, each time.
start_services() {
  step "Start Docker"
  systemctl enable --quiet --no-reload \
    auth-link-local.service docker.service auth-routes.service auth-finish.service
  systemctl daemon-reload
  systemctl restart auth-link-local.service
  # earlier versions refused names, too
  while iptables --wait -D DOCKER-USER -d 169.254.169.254/32 -j REJECT 2> /dev/null; do :; done
  if [[ $DOCKER_IS_CHANGED == yes ]]; then
    systemctl restart docker.service
  else
    systemctl start docker.service
  fi
  docker info > /dev/null || fail "Docker does not answer; see: journalctl -u docker"
}

harden_ssh() {
  step "Harden SSH"
  # 00-: the first value wins, and the image has a file of its own
  if changed /etc/ssh/sshd_config.d/00-auth.conf <<'SSHD'
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AllowUsers ubuntu
PermitUserEnvironment AUTH_OPERATOR
MaxAuthTries 3
X11Forwarding no
AllowAgentForwarding no
AllowTcpForwarding local
PermitOpen 127.0.0.1:8428
SSHD
  then
    sshd -t || fail "sshd refuses /etc/ssh/sshd_config.d/00-auth.conf"
    systemctl reload ssh.service
  fi
}

main() {
  local boot_volume=''
  while (( $# )); do
    case $1 in
      --boot-volume) boot_volume=$2; shift 2 ;;
      *) fail "unknown argument $1" ;;
    esac
  done
  [[ -n $boot_volume ]] || fail "--boot-volume is required"

  wait_for_cloud_init
  harden_ssh
  configure_docker
  configure_journal
  install_packages
  guard_link_local
  read_logs_without_docker
  restore_routes_on_boot
  finish_releases_on_boot
  start_services
  open_firewall
  install -d -m 0700 /var/lib/auth-release
  printf 'ready on %s\n' "$boot_volume"
}

# The whole script is read before anything runs. A test sources it for its functions.
(return 2> /dev/null) || main "$@"
