// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_read.c - the commands that only look: status, list, guests.
 */
#include "cli.h"

#include <kvmtune/observe.h>
#include <kvmtune/port.h>

enum exit_status no_operands(const struct invocation *in, struct err *e)
{
	if (!in->arg_count)
		return STATUS_DONE;
	return usage_error(e, "%s takes no operand: \"%s\"", in->command, in->args[0]);
}

bool reports_json(struct invocation *in)
{
	in->reported = in->given & OPT_JSON;
	return in->reported;
}

enum exit_status cmd_status(struct invocation *in, struct err *e)
{
	const unsigned parts = HOST_MODULES | HOST_PARAMS | HOST_KSM | HOST_RELOAD | HOST_LENIENT;
	enum exit_status status = no_operands(in, e);
	struct journal journal = { 0 };
	struct host host = { 0 };

	if (status != STATUS_DONE)
		return status;
	if (host_observe(in->ports, parts, &host, e) < 0)
		status = e->status;
	/* A journal that cannot be read is no reason not to say the rest. */
	else if (journal_load(in->ports, &journal, e) < 0)
		strv_addf(&host.unseen, "whether an earlier change was interrupted (%s)", e->text);
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
	if (host_observe(in->ports, HOST_MODULES | HOST_KSM | HOST_LENIENT, &host, e) < 0)
		status = e->status;
	else if (reports_json(in))
		json_list(stdout, &host);
	else
		text_list(stdout, &host);
	host_free(&host);
	return status;
}

enum exit_status cmd_guests(struct invocation *in, struct err *e)
{
	enum exit_status status = no_operands(in, e);
	struct host host = { 0 };

	if (status != STATUS_DONE)
		return status;
	if (host_observe(in->ports, HOST_MODULES | HOST_PARAMS | HOST_LENIENT, &host, e) < 0)
		status = e->status;
	else if (reports_json(in))
		json_users(stdout, &host);
	else
		text_users(stdout, &in->style, &host);
	host_free(&host);
	return status;
}
