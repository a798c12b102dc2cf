# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Calls of ept's and npt's commands that fail, and the command that is killed at them: see guest/faults/main.c.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/faults.sh
. /io/faults.sh

scenario "$setting off"
faults_of "$setting off"

scenario "$setting on"
faults_of "$setting on" --after "$setting off"

scenario "undo of $setting off"
faults_of undo --after "$setting off"
