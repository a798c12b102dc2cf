// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_read.c - the commands that only read: status, list, guests.
 */
#include "cli.h"

#include <errno.h>

#include <kvmtune/observe.h>
#include <kvmtune/port.h>

enum exit_status no_operands(const struct invocation *in, struct err *e)
{
	if (!in->arg_count)
		return STATUS_DONE;
	return usage_error(e, "%s takes no argument: \"%s\"", in->command, in->args[0]);
}

bool reports_json(struct invocation *in)
{
	in->reported = in->given & OPT_JSON;
	return in->reported;
}

enum exit_status cmd_status(struct invocation *in, struct err *e)
{
	const unsigned parts = HOST_MODULES | HOST_HOLDERS | HOST_PARAMS | HOST_KSM |
			       HOST_ATTRIBUTES | HOST_RELOAD | HOST_LENIENT;
	enum exit_status status = no_operands(in, e);
	struct journal journal = { 0 };
	struct host host = { 0 };

	if (status != STATUS_DONE)
		return status;
	if (host_observe(in->ports, parts, &host, e) < 0)
		status = e->status;
	/* Without the journal the rest of the status still holds. */
	else if (journal_load(in->ports, &journal, e) < 0)
		strv_addf(&host.unseen, "whether an earlier change was interrupted (%s)", e->text);
	else
		journal_add_evidence(in->ports, &journal, &host);
	*e = status == STATUS_DONE ? (struct err){ 0 } : *e;
	if (status == STATUS_DONE && reports_json(in))
		json_status(stdout, &host, &journal);
	else if (status == STATUS_DONE)
		text_status(stdout, &in->style, &host, &journal);
	journal_free(&journal);
	host_free(&host);
	return status;
}

enum exit_status cmd_list(struct invocation *in, struct err *e)
{
	enum exit_status status = no_operands(in, e);
	struct host host = { 0 };

	if (status != STATUS_DONE)
		return status;
	if (host_observe(in->ports, HOST_MODULES | HOST_KSM | HOST_ATTRIBUTES | HOST_LENIENT, &host,
			 e) < 0)
		status = e->status;
	else if (reports_json(in))
		json_list(stdout, &host);
	else
		text_list(stdout, &in->style, &host);
	host_free(&host);
	return status;
}

/* The command line is right, the image is one of the places where it cannot be done: 4, as cpu. */
static enum exit_status refuse_image(struct err *e)
{
	err_set(e, -EOPNOTSUPP, "an image has no processes");
	err_hint(e, "Without --root it lists who holds KVM on the running host:  kvmtune guests");
	err_status(e, STATUS_IMPOSSIBLE, "no-processes");
	return e->status;
}

enum exit_status cmd_guests(struct invocation *in, struct err *e)
{
	const unsigned parts = HOST_MODULES | HOST_HOLDERS | HOST_PARAMS | HOST_LENIENT;
	enum exit_status status = no_operands(in, e);
	struct host host = { 0 };

	if (status != STATUS_DONE)
		return status;
	if (in->ports->image)
		return refuse_image(e);
	if (host_observe(in->ports, parts, &host, e) < 0)
		status = e->status;
	else if (reports_json(in))
		json_users(stdout, &host);
	else
		text_users(stdout, &in->style, &host);
	host_free(&host);
	return status;
}
