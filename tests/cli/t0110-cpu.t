#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kvmtune cpu: what the processor can do, of this host and of one that was captured.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# ---- every host ----

for name in $(all_hosts); do
	host "$name"
	read_all before
	run kvmtune cpu
	is "$status$err" 0 "$name: cpu works"
	nothing_changed "$name: cpu changes nothing"
done
for name in intel-ept-on not-root vtx-disabled vmx-no-ept no-vtx; do
	host "$name"
	run kvmtune cpu
	golden "cpu-$name.txt" "$name: cpu says"
done
host intel-ept-on
run kvmtune cpu --verbose
like "$out" $'CPU +MSR +VALUE\n +0 +3Ah +0x0000000000000005' '--verbose has the registers'
run kvmtune cpu --quiet
unlike "$out" 'switched|does not show' '--quiet gives no reasons'
like "$out" 'EPT usable by KVM' '--quiet has the rest'

# ---- --require ----

# required STATUS NAME REGEX TITLE: REGEX is for stdout|stderr
required()
{
	run kvmtune cpu --require "$2"
	is "$status" "$1" "--require $2: $4"
	like "$out|$err" "$3" "--require $2: $4: says"
	[ "$1" = 0 ] || like "$err" '^kvmtune: [^'$'\n'']+$' "--require $2: $4: one line of why"
	run kvmtune cpu --require "$2" -q
	is "$status$out" "$1" "--require $2 -q: $4"
}

host intel-ept-on
run kvmtune cpu --require vmx --require ept
is "$status" 0 '--require twice: both are there'
like "$out" 'vmx: yes.*ept: yes' '--require twice: both are told'
run kvmtune cpu --require svm --require vmx
is "$status" 4 '--require twice: the first is not'
run kvmtune cpu --require vmx --require svm
is "$status" 4 '--require twice: the second is not'
run kvmtune cpu --require vmx --require nonsense
is "$status" 2 '--require twice: one is no capability'
required 0 vmx '^vmx: yes  \(CPUID 1 ECX\[5\].*\)\|$' 'there'
required 0 ept-usable '^ept-usable: yes  \(kvm_intel, MSR 48Ch\)' 'there'
required 4 svm '^svm: no .*\|.*has no svm' 'not there'
required 4 npt 'has no npt: ' 'not there'
host not-root
rm -r "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel"
required 0 ept '^ept: yes  \(/proc/cpuinfo' 'by the flags'
required 1 ept-usable '^ept-usable: unknown\|kvmtune: .*whether the processor has ept-usable is unknown: ' 'flags do not tell'
host vtx-disabled
required 0 vmx '^vmx: yes' 'switched off is there'
required 4 vmx-enabled 'has no vmx-enabled: .*firmware' 'switched off'
required 4 ept-usable 'VT-x is disabled' 'switched off'
host vmx-no-ept
required 4 ept '^ept: no  \(' 'absent'
required 4 ept-1gb '^ept-1gb: no  \(' 'absent'
host amd
required 0 svm '^svm: yes  \(CPUID 80000001h ECX\[2\]' 'there'
required 4 vmx '^vmx: no' 'the other vendor'
run kvmtune cpu --require nonsense
status_is 2 '--require with a name that is none'
like "$err" 'unknown capability "nonsense".*vmx, .*npt-usable, ' 'has the list of names'

# ---- usage ----

for words in '--msr x' '--cpuinfo x' '--capture x --cpuid y' '--capture x --require vmx' '--capture x --json' 'more'; do
	read -ra given <<<"$words"
	run kvmtune cpu "${given[@]}"
	status_is 2 "cpu $words: usage error"
	like "$err" 'kvmtune --help' "cpu $words: says where to look"
done

# ---- an image ----

host intel-ept-on
run kvmtune --root "$KVMTUNE_FAKE_HOST/root" cpu
is "$status|$out" '4|' 'an image has no processor'
like "$err" 'an image has no processor.*--cpuid' 'and says what to do'

# ---- files of another processor ----

# A Broadwell, by hand: what KVM asks for is there, as far as the registers of CPUID can say.
cat >"$tmp/cpuid" <<'END'
_________________ Logical CPU #0 _________________
basic_cpuid[0]=00000014 756e6547 6c65746e 49656e69
basic_cpuid[1]=000406f1 00100800 7ffefbff bfebfbff
basic_cpuid[3]=12345678 9abcdef0 12345678 9abcdef0
ext_cpuid[0]=80000008 00000000 00000000 00000000
ext_cpuid[1]=00000000 00000000 00000121 2c100800
ext_cpuid[2]=65746e49 2952286c 6f655820 2952286e
ext_cpuid[3]=55504320 2d354520 30383632 20347620
ext_cpuid[4]=2e322040 48473034 0000007a 00000000
END
cat >"$tmp/msr" <<'END'
0 0x3a 0x5
0 0x480 0xda040000000010
0 0x481 0xff00000016
0 0x482 0xfff9fffe0401e172
0 0x48b 0x3ffcff00000000
0 0x48c 0xf0106334141
END
host amd
run kvmtune cpu --cpuid "$tmp/cpuid" --msr "$tmp/msr"
is "$status$err" 0 'a captured processor'
golden cpu-captured.txt 'a captured processor: nothing of the live one'
run kvmtune cpu --cpuid "$tmp/cpuid" --require ept
status_is 1 'registers of CPUID alone do not tell of EPT'
run kvmtune cpu --cpuid "$tmp/cpuid" --require ept-usable --msr "$tmp/msr"
is "$status" 0 'those of the MSRs do'
run kvmtune --root "$KVMTUNE_FAKE_HOST/root" cpu --cpuid "$tmp/cpuid" --require vmx
is "$status$err" 0 'beside an image'
printf 'processor\t: 0\nflags\t\t: fpu ssse3\n\n' >"$tmp/cpuinfo"
run kvmtune cpu --cpuid "$tmp/cpuid" --cpuinfo "$tmp/cpuinfo" --require vmx-enabled
status_is 4 'switched off, by /proc/cpuinfo'
run kvmtune cpu --cpuid <(cat "$tmp/cpuid") --require vmx
is "$status$err" 0 'a pipe does as well'

# bad OPTION FILE REGEX TITLE
bad()
{
	local options=(--cpuid "$tmp/cpuid" "$1" "$2")

	[ "$1" != --cpuid ] || options=(--cpuid "$2")
	run kvmtune cpu "${options[@]}"
	is "$status|$out" '2|' "$1: $4"
	like "$err" "$3" "$1: $4: says so"
	unlike "$err" $'\033' "$1: $4: nothing raw"
}

truncate -s 17M "$tmp/big"
sed '3s/bfebfbff/bfebfbf/' "$tmp/cpuid" >"$tmp/broken"
printf 'hello\033[31m\n' >"$tmp/text"
printf 'basic_cpuid[0]=\033[31m\n' >"$tmp/escape"
printf '0 0x3a 0x5\n0 3a 5\n' >"$tmp/msr-broken"
printf '0 0x3a 0x5\n\0\n' >"$tmp/nul"
for option in --cpuid --msr --cpuinfo; do
	bad $option "$tmp/none" 'cannot read .*/none: No such file' 'missing'
	bad $option "$tmp" 'cannot read .*: Is a directory' 'a directory'
	bad $option "$tmp/big" '/big is too big' 'too big'
done
bad --cpuid "$tmp/broken" '/broken: line 3 ' 'a broken line'
bad --cpuid "$tmp/text" '/text: no CPUID registers' 'something else'
bad --cpuid "$tmp/escape" '/escape: line 1 ' 'escapes'
bad --msr "$tmp/msr-broken" '/msr-broken: line 2' 'a broken line'
bad --msr "$tmp/nul" '/nul is not a text file' 'NUL'
bad --cpuinfo "$tmp/nul" '/nul is not a text file' 'NUL'

# ---- --capture ----

# captured NAME DIR: what was captured says what the live processor does
captured()
{
	local live

	live=$(kvmtune cpu --json | sed '/"captured"/d; /"not_seen"/,$d')
	run kvmtune cpu --json --cpuid "$2/cpuid.txt" --msr "$2/msr.txt" --cpuinfo "$2/cpuinfo.txt"
	is "$(sed '/"captured"/d; /"not_seen"/,$d' <<<"$out")" "$live" "$1: the same as the live one"
	like "$live" '"ept"' "$1: and that is something"
}

host intel-ept-on
rm -r "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel"
cp "$tmp/cpuid" "$KVMTUNE_FAKE_HOST/fake/cpuid"
read_all before
run kvmtune cpu --capture "$tmp/captured"
is "$status$err" 0 '--capture works'
nothing_changed '--capture changes nothing of the host'
is "$out" "kvmtune cpu --cpuid $tmp/captured/cpuid.txt --msr $tmp/captured/msr.txt --cpuinfo $tmp/captured/cpuinfo.txt" \
	'and says how to judge what it wrote'
is "$(ls "$tmp/captured")" $'cpuid.txt\ncpuinfo.txt\nmsr.txt' 'three files'
ok '/proc/cpuinfo as it is' cmp "$KVMTUNE_FAKE_HOST/root/proc/cpuinfo" "$tmp/captured/cpuinfo.txt"
unlike "$(cat "$tmp/captured/cpuid.txt")" '12345678' 'no serial number'
captured 'made-up host' "$tmp/captured"
sum=$(cat "$tmp/captured"/* | cksum)
run kvmtune cpu --capture "$tmp/captured"
status_is 2 'a directory that is not empty is refused'
like "$err" 'is not empty' 'and that is said'
is "$(cat "$tmp/captured"/* | cksum)" "$sum" 'nothing in it is touched'
run kvmtune cpu --capture "$tmp/no/such"
status_is 1 'a directory that cannot be made'
mkdir "$tmp/there"
ln -s there "$tmp/link"
run kvmtune cpu --capture "$tmp/link"
status_is 1 'a link is not followed'
is "$(ls "$tmp/there")" '' 'and nothing is written behind it'
(cd "$tmp/there" && "$(readlink -f "$OLDPWD/$KVMTUNE_FAKE" || readlink -f "$KVMTUNE_FAKE")" cpu -q --capture rel) \
	>"$tmp/rel-out" 2>&1
is "$?$(cat "$tmp/rel-out")" 0 'a path from the working directory; -q says nothing'
ok 'is meant from there' [ -s "$tmp/there/rel/cpuid.txt" ]
run kvmtune --root "$KVMTUNE_FAKE_HOST/root" cpu --capture "$tmp/image"
status_is 4 'an image has nothing to capture'
ok 'and no directory is made' [ ! -e "$tmp/image" ]

# The processor that runs this test, whatever it is.
run "$KVMTUNE" cpu
is "$status$err" 0 'the real kvmtune cpu works here'
run "$KVMTUNE" cpu --capture "$tmp/real"
is "$status$err" 0 'the real --capture'
if [ -e /sys/module/kvm_intel ] || [ -e /sys/module/kvm_amd ]; then
	skip 'what a loaded module proves is not captured' 'the real one: the same as the live one'
else
	live=$("$KVMTUNE" cpu --json | sed '/"captured"/d; /"not_seen"/,$d')
	run "$KVMTUNE" cpu --json --cpuid "$tmp/real/cpuid.txt" --msr "$tmp/real/msr.txt" --cpuinfo "$tmp/real/cpuinfo.txt"
	is "$(sed '/"captured"/d; /"not_seen"/,$d' <<<"$out")" "$live" 'the real one: the same as the live one'
fi

done_testing
