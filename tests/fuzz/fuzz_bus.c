// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_bus - any answers of the service manager, to each of the questions that units.c asks.
 *
 * units.c has libsystemd by a table of functions. Here these functions are made up: what they return,
 * and the strings that they give, is the input, a line for each string. The library's own reading of
 * messages is not among what is tried.
 * What must hold: every call ends, and ends with a sentence where it fails; a state is a short word;
 * nothing of what the manager says gets into a message but as plain text.
 */
#include "fuzz.h"
#include "sys/bus.h"

#include <errno.h>
#include <stdarg.h>

#define UNIT "ksm.service"

/* The rest of the input. At its end all is well, and time flies. */
static struct {
	const uint8_t *at, *end;
	struct strv words; /* that were given out */
	int64_t now_ms;
	sd_bus_message_handler_t filter, on_answer;
	void *filter_arg, *answer_arg;
	sd_bus_error error; /* of the answer that is told; no name: none */
} script;

static uint8_t next_byte(uint8_t at_the_end)
{
	return script.at < script.end ? *script.at++ : at_the_end;
}

/* Up to the end of the line. It lives as long as the input does. */
static const char *next_word(void)
{
	size_t left = (size_t)(script.end - script.at);
	const uint8_t *newline = left ? memchr(script.at, '\n', left) : NULL;
	size_t len = newline ? (size_t)(newline - script.at) : left;
	autofree char *word = xstrndup((const char *)script.at, len);

	script.at += len + (newline != NULL);
	strv_add(&script.words, word);
	return script.words.v[script.words.n - 1];
}

/* ---- the library ---- */

static const int codes[] = { -ENOTCONN, -ECONNRESET, -ETIMEDOUT, -EIO, -EBADMSG, -EACCES };

static int next_code(void)
{
	return codes[next_byte(0) % ARRAY_SIZE(codes)];
}

static int open_system(sd_bus **ret)
{
	if (next_byte(1) == 0)
		return next_code();
	*ret = (sd_bus *)&script;
	return 0;
}

static void close_bus(sd_bus *bus)
{
	must(bus == (sd_bus *)&script);
}

static sd_bus *unref(sd_bus *bus)
{
	must(bus == (sd_bus *)&script);
	return NULL;
}

static int is_open(sd_bus *bus)
{
	(void)bus;
	return next_byte(1) != 0;
}

static int is_ready(sd_bus *bus)
{
	uint8_t byte = next_byte(1);

	(void)bus;
	return byte == 255 ? next_code() : byte != 0;
}

static int set_timeout(sd_bus *bus, uint64_t usec)
{
	(void)bus, (void)usec;
	return 0;
}

/* The answer to the call that is made; or nothing. */
static void answer(void)
{
	sd_bus_message_handler_t on_answer = script.on_answer;

	if (!on_answer)
		return;
	script.on_answer = NULL;
	script.error = (sd_bus_error){ 0 };
	if (next_byte(1) == 0) {
		script.error.name = next_word();
		script.error.message = next_byte(0) ? next_word() : NULL;
	}
	on_answer((sd_bus_message *)&script, script.answer_arg, NULL);
}

static int process(sd_bus *bus, sd_bus_message **ret)
{
	uint8_t byte = next_byte(2);

	(void)bus, (void)ret;
	if (byte == 255)
		return next_code();
	if (byte == 1)
		must(script.filter((sd_bus_message *)&script, script.filter_arg, NULL) == 1);
	else if (byte == 2 && script.on_answer)
		answer();
	else
		return 0;
	return 1;
}

static int wait_bus(sd_bus *bus, uint64_t usec)
{
	(void)bus;
	must(usec <= UINT64_C(3600) * 1000000);
	script.now_ms += script.at < script.end ? 10 : (int64_t)(usec / 1000) + 1;
	return next_byte(0) == 255 ? next_code() : 0;
}

static int call_async(sd_bus *bus, sd_bus_slot **slot, sd_bus_message *m,
		      sd_bus_message_handler_t callback, void *arg, uint64_t usec)
{
	(void)bus;
	must(m == (sd_bus_message *)&script && usec && !script.on_answer);
	if (next_byte(1) == 0)
		return next_code();
	script.on_answer = callback;
	script.answer_arg = arg;
	*slot = (sd_bus_slot *)&script;
	return 0;
}

static sd_bus_slot *slot_unref(sd_bus_slot *slot)
{
	if (slot)
		script.on_answer = NULL;
	return NULL;
}

static int add_filter(sd_bus *bus, sd_bus_slot **slot, sd_bus_message_handler_t callback, void *arg)
{
	(void)bus;
	must(!slot);
	script.filter = callback;
	script.filter_arg = arg;
	return next_byte(1) ? 0 : next_code();
}

static int new_call(sd_bus *bus, sd_bus_message **ret, const char *destination, const char *path,
		    const char *interface, const char *member)
{
	(void)bus;
	must(destination && path && interface && member);
	*ret = (sd_bus_message *)&script;
	return 0;
}

static int set_auto_start(sd_bus_message *m, int b)
{
	(void)m, (void)b;
	return 0;
}

static int append(sd_bus_message *m, const char *types, ...)
{
	(void)m;
	must(*types);
	return 0;
}

static int enter_container(sd_bus_message *m, char type, const char *contents)
{
	(void)m;
	must(strchr("aev", type) && *contents);
	return next_byte(0) ? 1 : next_byte(0) ? next_code() : 0;
}

static int exit_container(sd_bus_message *m)
{
	(void)m;
	return next_byte(1) ? 1 : next_code();
}

static int skip(sd_bus_message *m, const char *types)
{
	(void)m;
	must(strcmp(types, "v") == 0);
	return next_byte(1) ? 1 : next_code();
}

/* Of the types only those that are asked for: strings, paths, a number, a variant of them. */
static int message_read(sd_bus_message *m, const char *types, ...)
{
	va_list ap;

	(void)m;
	/* At the end of the input there is nothing left to be read, either. */
	if (next_byte(0) == 0 && (script.at < script.end || !strcmp(types, "s")))
		return next_byte(0) ? next_code() : 0;
	va_start(ap, types);
	for (; *types; types++) {
		if (*types == 'v')
			types = va_arg(ap, const char *);
		types += *types == '(';
		if (*types == ')')
			break;
		if (*types == 'u')
			*va_arg(ap, uint32_t *) = next_byte(0);
		else if (*types == 'b')
			*va_arg(ap, int *) = next_byte(1) & 1;
		else
			*va_arg(ap, const char **) = next_word();
	}
	va_end(ap);
	return 1;
}

static const char *get_sender(sd_bus_message *m)
{
	(void)m;
	return next_byte(0) ? next_word() : NULL;
}

static int is_signal(sd_bus_message *m, const char *interface, const char *member)
{
	(void)m, (void)interface, (void)member;
	return next_byte(1);
}

static const sd_bus_error *get_error(sd_bus_message *m)
{
	(void)m;
	return script.error.name ? &script.error : NULL;
}

static sd_bus_message *message_ref(sd_bus_message *m)
{
	return m;
}

static int error_copy(sd_bus_error *to, const sd_bus_error *from)
{
	*to = *from;
	return next_byte(1) ? next_code() : 0;
}

static sd_bus_message *message_unref(sd_bus_message *m)
{
	(void)m;
	return NULL;
}

static void error_free(sd_bus_error *e)
{
	*e = (sd_bus_error){ 0 };
}

static const struct functions library = {
	.open_system = open_system,
	.close = close_bus,
	.unref = unref,
	.is_open = is_open,
	.is_ready = is_ready,
	.set_method_call_timeout = set_timeout,
	.process = process,
	.wait = wait_bus,
	.call_async = call_async,
	.slot_unref = slot_unref,
	.add_filter = add_filter,
	.message_new_method_call = new_call,
	.message_set_auto_start = set_auto_start,
	.message_append = append,
	.message_read = message_read,
	.message_enter_container = enter_container,
	.message_exit_container = exit_container,
	.message_skip = skip,
	.message_get_sender = get_sender,
	.message_is_signal = is_signal,
	.message_get_error = get_error,
	.message_ref = message_ref,
	.message_unref = message_unref,
	.error_copy = error_copy,
	.error_free = error_free,
};

/* ---- the questions ---- */

static int64_t monotonic_ms(struct ports *p)
{
	(void)p;
	return script.now_ms;
}

static bool is_word(const char *word)
{
	return !word[strspn(word, "abcdefghijklmnopqrstuvwxyz-")];
}

static int ask_state(struct ports *p, struct err *e)
{
	struct unit_state state = { .load = "?" };
	int r = p->unit.state(p, UNIT, &state, e);

	must(r < 0 ? strcmp(state.load, "?") == 0
		   : is_word(state.load) && is_word(state.active) && is_word(state.file) &&
			     is_word(state.job));
	return r;
}

static void check_names(const struct strv *names)
{
	const char *name;

	strv_foreach (name, names)
		must(*name && *name != '.' && is_plain(name) && !strchr(name, '/'));
}

static int ask_relations(struct ports *p, struct err *e)
{
	struct unit_relations rel = { 0 };
	struct unit_state state;
	int r = p->unit.relations(p, UNIT, &state, &rel, e);

	check_names(&rel.needs);
	check_names(&rel.stops);
	check_names(&rel.conflicts);
	check_names(&rel.revived_by);
	unit_relations_free(&rel);
	return r;
}

static int ask(struct ports *p, uint8_t what, struct err *e)
{
	switch (what % 6) {
	case 0:
		return p->unit.start(p, UNIT, e);
	case 1:
		return p->unit.stop(p, UNIT, e);
	case 2:
	case 3:
		return ask_relations(p, e);
	case 4:
		return p->unit.reload(p, UNIT, e);
	default:
		return ask_state(p, e);
	}
}

static void check_error(int r, const struct err *e)
{
	static const char *const ids[] = { "no-bus",	 "bus-timeout", "bus-lost",
					   "bus-denied", "job-failed",	"bus-error" };
	bool known = false;

	must(r <= 0 && (r == 0) == (e->code == 0) && (r == 0 || r == e->code));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		known |= strcmp(ids[i], e->id) == 0;
	must(r == 0 || (known && *e->text && is_plain(e->text) && is_plain(e->hint)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bus *b = xcalloc(1, sizeof(*b));
	struct sys sys = { .bus = b };
	struct ports p = { .self = &sys, .system.monotonic_ms = monotonic_ms };

	sys_units(&p);
	sys.bus_limits = (struct bus_limits){ 300, 300, 300, 1000 };
	b->sd = library;
	b->limits = &sys.bus_limits;
	b->loaded = true;
	script.at = data;
	script.end = data + size;
	script.now_ms = 0;
	for (int i = 0; i < 3; i++) {
		struct err e = { 0 };

		check_error(ask(&p, next_byte(4), &e), &e);
	}
	sys_units_close(&p);
	strv_free(&script.words);
	must(!script.on_answer);
	return 0;
}
