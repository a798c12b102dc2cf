#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# words.sh [FILE...] - fails on words that CONTRIBUTING.md ("Rules for texts") replaces; without FILE: the tree
#
# A phrase may be broken over lines. Exceptions quote texts of other programs, or texts that released
# versions have written into files.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

# One extended regular expression a line, then the word to use.
left_out='
ways? back|walk(s|ed|ing)? back	roll back
(take|takes|taken|took|taking) (it |that |them |this |all |everything |one |steps? |changes? )?back	roll back (automatic), undo (the command)
(take|takes|taken|took|taking|come|comes|came) (it |them |all |pages |merged pages )?apart	unmerge
who uses KVM|uses? of KVM|user of KVM	in use; holder
(has|have|had|has its|have their) a say|last word	takes precedence
(is|are|was) not to be had	is missing, cannot be read
so already	already off
switched off by the firmware	disabled in firmware
(hold|holds|held|holding) (it |them |this |that )?against|reckon(s|ed|ing|s up)?	check, verify, compare
in (no|a|each|every|which) rooms?|the rooms|of (the|a) room|lower rooms	layer
doors?	port
fake host	test double
without a word	without an argument
(take|takes|taken|took) (it |that |this |them )?off	remove
in vain	without effect
'

# FILE<TAB>ERE: what is right there.
exceptions='
src/model/own_file.h	kvmtune undo. takes it back
src/model/boot_preset.c	kvmtune undo. takes it back
tests/unit/test_plan.c	kvmtune undo. takes it back
tests/unit/test_plan_ksm.c	kvmtune undo. takes it back
tests/unit/test_own_file.c	kvmtune undo. takes it back
tests/lib/hosts.sh	kvmtune undo. takes it back
'

files()
{
	git ls-files -co --exclude-standard -- '*.[ch]' '*.sh' '*.t' '*.md' '*.scd' '*.json' '*.mk' '*.py' Makefile bootstrap completions |
		grep -vE "^(tests/fuzz/corpus|tests/cli/expected|tests/lint/words\\.sh)"
}

# Prints FILE:LINE: PHRASE -> WORD. A line is looked at together with the next one.
find_words()
{
	LEFT_OUT=$left_out EXCEPTIONS=$exceptions perl -e '
		my (@rules, %right);
		for (split /\n/, $ENV{LEFT_OUT}) {
			my ($re, $use) = split /\t/ or next;
			push @rules, [ qr/(?<![\w-])((?:$re))(?![\w-])/i, $use ] if $re;
		}
		for (split /\n/, $ENV{EXCEPTIONS}) {
			my ($file, $re) = split /\t/ or next;
			push @{$right{$file}}, qr/$re/ if $file;
		}
		for my $file (@ARGV) {
			open my $in, "<", $file or next;
			my $text = do { local $/; <$in> };
			for my $re (@{$right{$file} || []}) {
				$text =~ s/$re/" " x length($&)/ge
					or print "$file: the exception \"$re\" is not needed any more\n";
			}
			# a line break within a comment, a string or a paragraph is a space
			(my $flat = $text) =~ s/"\s*\n\s*"|\n[ \t]*(?:\*|#|\/\/)?[ \t]*/my $m = $&; " " . "\0" x (length($m) - 1)/ge;
			for my $rule (@rules) {
				my ($re, $use) = @$rule;
				my $wide = "$re";
				$wide =~ s/ /[ ]\\0*/g;
				while ($flat =~ /$wide/g) {
					my $at = $-[0];
					(my $found = $1) =~ s/\0//g;
					my $line = 1 + (substr($text, 0, $at) =~ tr/\n//);
					print "$file:$line: \"$found\": use $use\n";
				}
			}
		}' -- "$@"
}

self_test()
{
	local scratch
	scratch=$(mktemp -d) || exit 1
	printf '/* The step is\n * taken\n * back here. */\n' >"$scratch/broken.c"
	printf 'They look backwards; nothing is taken away. indoors\n' >"$scratch/right.md"
	[ "$(find_words "$scratch/broken.c" | grep -c 'taken back')" = 1 ] ||
		{ echo 'self-test: a phrase over two lines was not found'; exit 1; }
	[ -z "$(find_words "$scratch/right.md")" ] || { echo 'self-test: found in a right text'; exit 1; }
	rm -r "$scratch"
}

self_test
if [ $# = 0 ]; then
	mapfile -t list < <(files)
else
	list=("$@")
fi
! find_words "${list[@]}" | grep .
