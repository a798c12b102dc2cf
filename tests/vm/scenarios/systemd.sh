# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Under systemd and udev as on a real host: units of guests, owner and mode of /dev/kvm.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

scenario "off and on under systemd and udev"
snapshot /tmp/before
like "udev has set the mode" "$(stat -c '%G %a' /dev/kvm)" "^kvm 660"
run kvmtune "$setting" off
is "off: exit status" "$status" 0
is "owner and mode are back" "$(stat -c '%U:%G %a' /dev/kvm)" "root:kvm 660"
unlike "udev did it" "$stdout" "udev did not set"
run kvmtune "$setting" on
is "on: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "a guest in a unit is shown with its unit"
systemd-run --quiet --unit machine-qemu-1-web.service "$(command -v kvmhold)" guest
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	[ "$(cat "/sys/module/$module/refcnt")" != 0 ] && break
	sleep 0.5
done
run kvmtune "$setting" off
is "exit status" "$status" 3
like "the unit" "$stderr" "machine-qemu-1-web.service"
systemctl stop machine-qemu-1-web.service
run kvmtune "$setting" off
is "when it has ended" "$status" 0
