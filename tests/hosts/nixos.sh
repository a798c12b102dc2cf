# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# NixOS: /etc/modprobe.d is generated.
machine nix1 6.6.63
cpu_broadwell
module_loaded
put /etc/NIXOS ''
conf nixos.conf 'options kvm_intel nested=1'
