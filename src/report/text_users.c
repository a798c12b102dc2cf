// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_users.c - what holds KVM, for people.
 */
#include <string.h>

#include "table.h"

/* Whether one that does not answer has a vCPU in its memory is unknown. */
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

char *holders_table(const struct style *style, const struct kvm_users *users)
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
	table_print(t, out, style, "  ");
	fputc('\n', out);
	fclose(out);
	return text;
}

/* text_unseen() lists what was not checked. */
static const char *nobody_text(const struct host *h)
{
	const struct fact *held = &h->use.held;
	bool counted = held->source.n && ends_with(held->source.v[0], "refcnt");

	if (held->value == YES)
		return "KVM is in use, but its holder cannot be seen from here: a process of "
		       "another PID namespace, or the kernel itself.";
	if (held->value == NO && counted)
		return "No process holds KVM.";
	if (held->value == NO && !h->use.walked)
		return "This kernel has no /dev/kvm: no process can hold KVM.";
	if (held->value == NO)
		return "No process holds KVM. (No module counts its use here: all processes were "
		       "checked.)";
	return "No process that holds KVM was found. Whether there is one is unknown.";
}

void text_users(FILE *out, const struct style *style, const struct host *host)
{
	autofree char *table = holders_table(style, &host->users);

	if (!host->users.count)
		put_paragraph(out, style, "", nobody_text(host));
	else /* without the blank line before, and without the last one if nothing follows */
		fprintf(out, "%.*s", (int)strlen(table) - 1 - !host->unseen.n, table + 1);
	text_unseen(out, style, host);
}
