// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - finds the command, opens the host, prints what went wrong, exits.
 */
#include <kvmtune/command.h>
#include <kvmtune/port.h>
#include <kvmtune/process.h>
#include <kvmtune/version.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char stdout_buffer[1 << 20];

static const char *status_text(enum exit_status status)
{
	switch (status) {
	case STATUS_REFUSED:
		return "refused: ";
	case STATUS_IMPOSSIBLE:
		return "not possible: ";
	case STATUS_FAILED:
		return "failed: ";
	default:
		return "";
	}
}

/* What the host is like after this message; not for commands that only look. */
static const char *state_text(const struct command *c, const struct err *e, bool changed)
{
	if (!c || !c->changes)
		return "";
	switch (e->status) {
	case STATUS_REFUSED:
	case STATUS_IMPOSSIBLE:
		/* Found out on the way, and walked back. */
		return changed ? "; the host is as it was before" : "; nothing was changed";
	case STATUS_FAILED:
		return "; the host is as it was before";
	default:
		return "";
	}
}

/* Words of the user and names of files may be in there: nothing of them may reach a terminal raw. */
static void print_error(const struct command *c, struct err *e, bool changed)
{
	autofree char *text = safe_text(e->text, sizeof(e->text));
	autofree char *hint = safe_text(e->hint, sizeof(e->hint));

	if (!e->code)
		return;
	fflush(stdout);
	fprintf(stderr, "kvmtune: %s%s%s\n", status_text(e->status), text,
		state_text(c, e, changed));
	if (e->detail)
		fputs(e->detail, stderr);
	if (hint[0])
		fprintf(stderr, "%s%s\n", e->detail && e->detail[0] ? "" : "  ", hint);
	free(e->detail);
	e->detail = NULL;
}

/*
 * A full disk behind stdout is an error, too; but scripts need to know what has become of the host
 * first of all. So it only spoils the status of a command that looked and found nothing amiss.
 */
static enum exit_status close_stdout(bool changed, enum exit_status status)
{
	bool failed = ferror(stdout);

	if (fclose(stdout) == 0 && !failed)
		return status;
	fprintf(stderr, "kvmtune: the output could not be written: %s\n", strerror(errno));
	return changed || status != STATUS_DONE ? status : STATUS_FAILED;
}

static const struct command *find_command(const struct invocation *in, struct err *e)
{
	const struct command *c;

	if (!in->command) {
		usage_error(e, "which command?");
		return NULL;
	}
	c = command_find(in->command);
	if (!c) {
		usage_error(e, "there is no command \"%s\"", in->command);
		hint_command(in, e);
	}
	return c;
}

static enum exit_status check_options(const struct command *c, const struct invocation *in,
				      struct err *e)
{
	uint64_t wrong = in->given & ~(c->takes | OPTS_ALWAYS);

	for (size_t i = 0; i < option_count; i++)
		if (wrong & option_table[i].bit)
			return usage_error(e, "%s does not take --%s", c->name,
					   option_table[i].name);
	if ((in->given & OPT_WAIT) && (in->given & OPT_DEFER))
		return usage_error(e, "--wait and --defer exclude each other");
	return STATUS_DONE;
}

/* An image is files of others; only a change of the running host takes more. */
static enum rights rights_of(const struct command *c, const struct invocation *in)
{
	if (in->given & (OPT_CAPTURE | OPT_ANALYSE))
		return RIGHTS_FILES;
	if (c->run == cmd_bench)
		return RIGHTS_LOAD;
	/* These say whether the module could be loaded again. */
	if (!in->root && (c->run == cmd_status || in->given & OPT_DRY_RUN))
		return RIGHTS_CHECK;
	if (!c->changes || in->given & (OPT_DRY_RUN | OPT_LIST))
		return RIGHTS_READ;
	/* Without a value it only shows. */
	if (c->run == cmd_setting && !in->arg_count)
		return RIGHTS_READ;
	return in->root ? RIGHTS_FILES : RIGHTS_CHANGE;
}

static enum exit_status run(const struct command *c, struct invocation *in, struct err *e)
{
	struct ports ports;
	enum exit_status status = check_options(c, in, e);

	if (status != STATUS_DONE)
		return status;
	if (process_begin(rights_of(c, in), e) < 0)
		return e->status;
	in->ports = &ports;
	status = ports_open(&ports, in->root, e) < 0 ? e->status : c->run(in, e);
	ports_close(&ports);
	return status;
}

/* What needs no host. True: done. */
static bool answer(const struct invocation *in)
{
	const struct command *c = in->command ? command_find(in->command) : NULL;

	if (in->given & OPT_VERSION)
		printf("kvmtune %s\n", KVMTUNE_VERSION);
	else if (in->given & OPT_LIST_WORDS)
		list_words(stdout);
	else if (in->given & OPT_HELP && c)
		help_command(stdout, c);
	else if (in->given & OPT_HELP && !in->command)
		help_all(stdout);
	else
		return false;
	return true;
}

/*
 * Without this, the first file that is opened would be stdin, stdout or stderr where these were
 * closed, and be written to. To read from them, and to write to them, is an error still.
 */
static void hold_descriptors(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_DIRECTORY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct command *c = NULL;
	enum exit_status status = STATUS_DONE;
	struct invocation in = { 0 };
	struct err e = { 0 };

	hold_descriptors();
	environment_clean();
	process_set_umask(022);
	/* What is printed goes out as one: where that fails, the reason is told and not a later one's. */
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, stdout_buffer, _IOFBF, sizeof(stdout_buffer));
	if (options_parse(argc, argv, &in, &e) != 0) {
		status = STATUS_USAGE;
	} else if (!answer(&in)) {
		c = find_command(&in, &e);
		status = c ? run(c, &in, &e) : STATUS_USAGE;
	}
	if (e.code && in.given & OPT_JSON && !in.reported)
		json_failure(stdout, in.command, status, &e);
	print_error(c, &e, in.changed);
	return close_stdout(in.changed, status);
}
