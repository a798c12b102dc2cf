# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Without the bus nothing can be known or done of the services: nothing is touched.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

bus_back()
{
	systemctl start dbus.socket dbus.service
	wait_for 10 busctl --quiet status org.freedesktop.systemd1
}

scenario "the bus is down"
services enable --now
snapshot /tmp/before
systemctl stop dbus.socket dbus.service
run kvmtune ksm
is "ksm: exit status" "$status" 0
like "ksm says so" "$stdout$stderr" "bus"
run kvmtune ksm off
is "off: exit status" "$status" 1
like "off: why" "$stderr" "bus"
ok "the bus is back" bus_back
snapshot /tmp/after
ok "nothing changed" same_host /tmp/before /tmp/after
run kvmtune ksm off
is "off: exit status with a bus" "$status" 0

scenario "the bus is lost half-way: all is undone when it can be, or undo does"
services enable --now
snapshot /tmp/before
# The bus goes when ksmtuned is stopped: by a unit of our own that is stopped with it
mkdir -p /etc/systemd/system/ksmtuned.service.d
printf '[Service]\nExecStopPost=/bin/systemctl stop dbus.socket dbus.service\n' \
	>/etc/systemd/system/ksmtuned.service.d/test.conf
systemctl daemon-reload
run kvmtune ksm off
unlike "it is not said to be done" "$status" "^0$"
ok "the bus is back" bus_back
rm -r /etc/systemd/system/ksmtuned.service.d
systemctl daemon-reload
[ "$status" = 1 ] || run kvmtune undo
like "exit status" "$status" "^[01]$"
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
