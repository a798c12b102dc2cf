// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - finds the command, opens the host, prints errors, exits.
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

static const char *status_word(enum exit_status status)
{
	switch (status) {
	case STATUS_REFUSED:
		return "refused";
	case STATUS_IMPOSSIBLE:
		return "not possible";
	case STATUS_FAILED:
		return "failed";
	default:
		return "";
	}
}

/* The state of the host after an error; empty for commands that only read. */
static const char *state_text(const struct command *c, const struct invocation *in,
			      const struct err *e)
{
	if (!c || !c->changes)
		return "";
	if (in->undone && e->status != STATUS_STUCK)
		return "; the newer changes are undone";
	switch (e->status) {
	case STATUS_REFUSED:
	case STATUS_IMPOSSIBLE:
		/* A refusal during the change: it was rolled back. */
		return in->changed ? "; the host is as it was before" : "; nothing was changed";
	case STATUS_FAILED:
		return "; the host is as it was before";
	default:
		return "";
	}
}

/* first stands before the text, and the lines after the first are indented as far. */
static void put_wrapped(const struct style *style, const char *first, const char *text)
{
	size_t indent = text_columns(first, SIZE_MAX);
	autobuf b = { 0 };

	buf_puts(&b, first);
	buf_wrap(&b, text, indent, indent, style_prose(style));
	buf_puts(&b, "\n");
	put_text(stderr, style, b.data);
}

/* Text of users and names of files may be in there: none of it may reach a terminal raw. */
static void print_error(const struct command *c, const struct invocation *in, struct err *e)
{
	const struct style *style = &in->message_style;
	autofree char *text = safe_text(e->text, sizeof(e->text));
	autofree char *hint = safe_text(e->hint, sizeof(e->hint));
	const char *word = status_word(e->status);
	autobuf first = { 0 }, line = { 0 };

	if (!e->code)
		return;
	fflush(stdout);
	buf_mark(&first, *word ? MEANS_LABEL : MEANS_BAD, "kvmtune:");
	buf_puts(&first, " ");
	buf_mark(&line, meaning_of(word), word);
	buf_printf(&line, "%s%s%s", *word ? ": " : "", text, state_text(c, in, e));
	put_wrapped(style, first.data, line.data);
	if (e->detail)
		fputs(e->detail, stderr);
	if (hint[0])
		put_wrapped(style, e->detail && e->detail[0] ? "" : "  ", hint);
	free(e->detail);
	e->detail = NULL;
}

/*
 * A full disk behind stdout is an error. The state of the host matters more to scripts: it fails only
 * a command that changed nothing and found nothing wrong.
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

	c = command_find(in->command);
	if (!c) {
		usage_error(e, "unknown command \"%s\"", in->command);
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
			return in->bare ? usage_error(e, "--%s needs a command",
						      option_table[i].name)
					: usage_error(e, "%s does not take --%s", c->name,
						      option_table[i].name);
	if ((in->given & OPT_WAIT) && (in->given & OPT_DEFER))
		return usage_error(e, "--wait and --defer exclude each other");
	return STATUS_DONE;
}

/* An image takes rights on files only; a change of the running host takes more. */
static enum rights rights_of(const struct command *c, const struct invocation *in)
{
	if (in->given & (OPT_CAPTURE | OPT_ANALYSE))
		return RIGHTS_FILES;
	if (c->run == cmd_bench)
		return RIGHTS_LOAD;
	/* These check whether the module could be loaded again. */
	if (!in->root && (c->run == cmd_status || in->given & OPT_DRY_RUN))
		return RIGHTS_CHECK;
	if (!c->changes || in->given & (OPT_DRY_RUN | OPT_LIST))
		return RIGHTS_READ;
	/* Without a value it only reads. */
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
	/* A user who typed no command may not know them. */
	if (in->bare && status == STATUS_DONE && !in->reported && !in->style.quiet)
		fputs("\nHelp:  kvmtune --help\n", stdout);
	return status;
}

/* Help and version need no host. True: done. */
static bool answer(const struct invocation *in)
{
	const struct command *c = in->command ? command_find(in->command) : NULL;

	if (in->given & OPT_VERSION)
		printf("kvmtune %s\n", KVMTUNE_VERSION);
	else if (in->given & OPT_LIST_WORDS)
		list_words(stdout);
	else if (in->given & OPT_HELP && c)
		help_command(stdout, &in->style, c);
	else if (in->given & OPT_HELP && !in->command)
		help_all(stdout, &in->style);
	else
		return false;
	return true;
}

/*
 * If stdin, stdout or stderr is closed, the next file opened would take its place and be written to.
 * These descriptors take the places: reading and writing them still fails.
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
	/* Written at once: if that fails, errno is the reason, not a later one's. */
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
	print_error(c, &in, &e);
	return close_stdout(in.changed, status);
}
