# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench, with a real module: the load runs a guest, and its score tells what the module's parameter was.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

export MODULE="$module" SETTING="$setting"
off="$setting=off"

# A guest that ends; then a score 6 % better where the module runs without page tables of its own.
cat >/run/load.sh <<'TEXT'
#!/bin/sh
kvmhold guest 0 >/dev/null || exit 1
case $(cat /sys/module/$MODULE/parameters/$SETTING) in
Y) echo "score 100" ;;
N) echo "score 106" ;;
esac
TEXT
# The same, but in the variant a guest stays.
cat >/run/leaves.sh <<'TEXT'
#!/bin/sh
[ "$KVMTUNE_BENCH_VARIANT" = current ] || { kvmhold guest >/dev/null 2>&1 & echo $! >/run/left; sleep 1; }
TEXT
# It waits in the variant, with a guest, until it is ended.
cat >/run/waits.sh <<'TEXT'
#!/bin/sh
[ "$KVMTUNE_BENCH_VARIANT" = current ] || { echo $$ >/run/waiting; kvmhold guest; }
TEXT
chmod +x /run/load.sh /run/leaves.sh /run/waits.sh

# Ends the bench in the background while it is in the variant. $1: the signal
end_in_variant()
{
	rm -f /run/waiting
	start kvmtune bench current "$off" --warmup 0 --runs 5 --seed 2 --export /run/b.json -- /run/waits.sh
	wait_for 60 test -e /run/waiting
	is "the host is in the variant" "$(parameter "$module" "$setting")" N
	kill "-$1" "$(pidof kvmtune | tr ' ' '\n' | sort -n | head -n 1)"
	finish
	ok "the load is gone with its guest" wait_for 20 sh -c '! pidof kvmhold'
}

scenario "two variants, a load that runs a guest"
snapshot before
run kvmtune bench current "$off" --runs 5 --score 'score (.*)' --higher-is-better --export /run/b.json -- /run/load.sh
is "exit status" "$status" 0
diag "$stdout$stderr"
like "the verdict" "$stdout" "^$off is 6\\.0 % better than current \\(93\\.8 % sure: between 6\\.0 and 6\\.0 %\\)"
is "all runs are on disk" "$(grep -c '"score":' /run/b.json)" 12
snapshot after
ok "the host is as it was" same_host before after
not "no journal is left" test -e /var/lib/kvmtune/journal

scenario "the first variant is what the host is not"
run kvmtune bench "$off" "$setting=on" --runs 2 --warmup 0 --score 'score (.*)' --higher-is-better --export /run/b.csv -- /run/load.sh
is "exit status" "$status" 0
is "each run was in its variant" "$(grep -c ",$off,106,\|,$setting=on,100," /run/b.csv)" 4
is "the parameter is as it was" "$(parameter "$module" "$setting")" Y

scenario "a guest that the load leaves"
snapshot before
run kvmtune bench current "$off" --runs 3 --warmup 0 --seed 2 -- /run/leaves.sh
is "exit status" "$status" 6
like "the guest is named" "$stderr" "left guests running: .*PID $(cat /run/left)"
kill "$(cat /run/left)"
ok "the guest ends" wait_for 10 sh -c '! pidof kvmhold'
run kvmtune bench current "$off" --runs 1 -- true
is "the next bench: exit status" "$status" 0
like "it brings the host back first" "$stderr" "its variant $off was rolled back"
snapshot after
ok "the host is as it was" same_host before after

# In the background the shell has SIGINT ignored.
scenario "a signal in a variant"
snapshot before
end_in_variant TERM
is "exit status" "$status" 1
snapshot after
ok "the host is as it was" same_host before after

scenario "a kill in a variant"
snapshot before
end_in_variant KILL
run kvmtune undo --list
like "undo --list has it" "$stdout" "bench $off"
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot after
ok "the host is as it was" same_host before after
