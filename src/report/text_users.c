// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_users.c - who uses KVM, for people.
 */
#include "table.h"

/* Of one that does not answer it is not known whether a vCPU is mapped into its memory. */
static const char *user_note(const struct kvm_user *u)
{
	if (u->answer != ANSWERS)
		return answer_text(u->answer);
	return user_has_guest(u) ? "" : "holds /dev/kvm, runs no guest";
}

static void user_row(struct table *t, const struct kvm_user *u)
{
	autofree char *pid = xasprintf("%d", u->pid);
	autofree char *vcpus = u->vcpus ? xasprintf("%d", u->vcpus) : xstrdup("-");

	table_row(t, pid, u->user, u->guest ?: "-", vcpus, u->program, u->unit ?: "-",
		  user_note(u));
}

char *users_table(const struct kvm_users *users)
{
	struct table *t;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (!users->count)
		return xstrdup("");
	out = open_memstream(&text, &size);
	if (!out)
		return xstrdup("");
	t = table_new("PID>", "USER", "GUEST", "VCPUS>", "PROGRAM", "UNIT", "", NULL);
	for (size_t i = 0; i < users->count; i++)
		user_row(t, &users->users[i]);
	fputc('\n', out);
	table_print(t, out, "  ");
	fputc('\n', out);
	fclose(out);
	return text;
}

static void nobody(FILE *out, const struct host *h)
{
	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (module_in_use(&h->modules[i])) {
			fputs("KVM is in use, but by nobody who can be seen from here: a process "
			      "of another PID namespace, or the kernel itself.\n",
			      out);
			return;
		}
	fputs("Nobody uses KVM.\n", out);
}

void text_users(FILE *out, const struct style *style, const struct host *host)
{
	autofree char *table = users_table(&host->users);

	(void)style;
	if (host->users.count)
		fputs(table + 1, out); /* without its first blank line */
	else
		nobody(out, host);
	text_unseen(out, host);
}
