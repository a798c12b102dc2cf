# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The same of KSM's commands, and of both settings at once.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/faults.sh
. /io/faults.sh

quiet_services

scenario "ksm off"
services enable --now
faults_of "ksm off"

scenario "ksm unmerged"
services enable --now
fill 4
merge 1000
faults_of "ksm unmerged --reserve 0 --watch 0"

scenario "apply $setting=off ksm=off"
services enable --now
faults_of "apply $setting=off ksm=off"

scenario "undo of ksm off"
services enable --now
faults_of undo --after "ksm off"

[ ! -e /io/faults ] || exit 0 # its calls are those of the two others

scenario "undo of both"
services enable --now
faults_of undo --after "apply $setting=off ksm=off"
