// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The text of our own files after an undo: our words removed, those of others kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <kvmtune/own_file.h>

#define HEAD "# Made by kvmtune, see kvmtune(8); `kvmtune undo` takes it back.\n"
#define EPT  "options kvm_intel ept=0\n"
#define NPT  "options kvm_amd npt=0\n"
#define RUN  "w " KSM_RUN_FILE " - - - - 0\n"

struct undo_case {
	const char *path, *before, *ours, *today, *wanted; /* NULL: no file */
};

static const struct undo_case cases[] = {
	/* Nobody changed it: to the byte. */
	{ OWN_CONF_FILE, NULL, HEAD EPT, HEAD EPT, NULL },
	{ OWN_CONF_FILE, "options  kvm x=1", HEAD "options  kvm x=1\n" EPT,
	  HEAD "options  kvm x=1\n" EPT, "options  kvm x=1" },
	{ OWN_CONF_FILE, HEAD EPT, NULL, NULL, HEAD EPT },
	/* Undone already, by us or by hand. */
	{ OWN_CONF_FILE, NULL, HEAD EPT, NULL, NULL },
	{ OWN_CONF_FILE, "# mine\n", HEAD "# mine\n" EPT, "# mine\n", "# mine\n" },
	{ OWN_CONF_FILE, NULL, HEAD EPT, HEAD, NULL },
	{ OWN_CONF_FILE, NULL, HEAD EPT, "options kvm x=1\n", "options kvm x=1\n" },
	/* A line came, at any place. */
	{ OWN_CONF_FILE, NULL, HEAD EPT, HEAD EPT "options kvm x=1\n", "options kvm x=1\n" },
	{ OWN_CONF_FILE, NULL, HEAD EPT, "# mine\n" HEAD EPT, "# mine\n" },
	{ OWN_CONF_FILE, NULL, HEAD EPT, HEAD EPT "blacklist x", "blacklist x\n" },
	{ OWN_CONF_FILE, NULL, HEAD EPT, HEAD "options kvm_intel ept=0 pml=0\n",
	  "options kvm_intel pml=0\n" },
	/* A line went: it stays away. */
	{ OWN_CONF_FILE, "# a\n# b\n", HEAD "# a\n# b\n" EPT, HEAD "# a\n" EPT, "# a\n" },
	/* Our line as it was before. */
	{ OWN_CONF_FILE, HEAD EPT, HEAD "options kvm_intel ept=1\n",
	  HEAD "options kvm_intel ept=1\n# mine\n", HEAD "# mine\n" EPT },
	{ OWN_CONF_FILE, HEAD EPT, NULL, "options kvm x=1\n", HEAD "options kvm x=1\n" EPT },
	/* Another setting of ours in the same file. */
	{ OWN_CONF_FILE, NULL, HEAD EPT, HEAD EPT NPT, HEAD NPT },
	{ OWN_CONF_FILE, HEAD EPT, HEAD EPT NPT, HEAD NPT "# mine\n", HEAD "# mine\n" },
	{ OWN_CONF_FILE, NULL, HEAD EPT NPT, HEAD EPT NPT "# mine\n", "# mine\n" },
	/* The same of tmpfiles.d. */
	{ OWN_TMPFILES, NULL, HEAD RUN, HEAD RUN, NULL },
	{ OWN_TMPFILES, NULL, HEAD RUN, HEAD RUN "w /x - - - - 1\n", "w /x - - - - 1\n" },
	{ OWN_TMPFILES, HEAD RUN, NULL, "w /x - - - - 1\n", HEAD RUN "w /x - - - - 1\n" },
	{ OWN_TMPFILES, NULL, HEAD RUN, NULL, NULL },
};

static bool is_undone_to(const struct undo_case *c, const char *today)
{
	autofree char *text = own_file_undone(c->path, today, c->ours, c->before);

	if (same_file_text(text, c->wanted))
		return true;
	print_error("before:\n%s---\nours:\n%s---\ntoday:\n%s---\nwanted:\n%s---\ngot:\n%s---\n",
		    c->before ?: "(none)\n", c->ours ?: "(none)\n", today ?: "(none)\n",
		    c->wanted ?: "(none)\n", text ?: "(none)\n");
	return false;
}

/* And once more: what is undone has nothing left to undo. */
static void undone(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		wrong += !is_undone_to(&cases[i], cases[i].today);
		/* Where that is the very text that the change wrote, the next undo is another one. */
		if (!same_file_text(cases[i].wanted, cases[i].ours))
			wrong += !is_undone_to(&cases[i], cases[i].wanted);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
