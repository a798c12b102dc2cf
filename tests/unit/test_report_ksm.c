// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What people read of KSM, in states that are hard to come by.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/report.h>

#define GIB (1ULL << 30)

static void counter(struct host *h, const char *name, const char *value)
{
	array_push(h->ksm.counters, h->ksm.counter_count) =
		(struct param){ .name = xstrdup(name), .value = xstrdup(value) };
}

static struct ksm_user *user(struct host *h, int pid, const char *guest, uint64_t pages)
{
	struct ksm_user *u = &array_push(h->ksm.users, h->ksm.user_count);

	u->process.pid = pid;
	u->process.guest = xstrdup(guest);
	u->process.program = xstrdup("qemu-kvm");
	u->process.cgroup = xstrdup("/machine.slice/a.scope");
	u->merged_pages = pages;
	h->ksm.users_known = true;
	return u;
}

static void room(struct host *h, const char *path, uint64_t limit, uint64_t used)
{
	array_push(h->ksm.rooms, h->ksm.room_count) = (struct cgroup_room){ .path = xstrdup(path),
									    .limit_bytes = limit,
									    .used_bytes = used };
}

static void unit(struct host *h, enum ksm_unit_id id, const char *active, const char *file)
{
	struct ksm_unit *u = &h->ksm.units[id];

	u->exists = true;
	snprintf(u->state.active, sizeof(u->state.active), "%s", active);
	snprintf(u->state.file, sizeof(u->state.file), "%s", file);
}

/* Merges, and saves 256 MiB. */
static void make(struct host *h)
{
	*h = (struct host){ .parts = HOST_KSM | HOST_KSM_USERS, .root = true };
	h->id.ticks_per_second = 100;
	h->ksm.present = true;
	h->ksm.run = 1;
	h->ksm.page_bytes = 4096;
	h->ksm.manager = MANAGER_THERE;
	counter(h, "pages_shared", "4096");
	counter(h, "pages_sharing", "65536");
	h->memory = (struct memory_facts){ .known = true,
					   .total_bytes = 64 * GIB,
					   .available_bytes = 32 * GIB };
}

static char *shown(const struct host *h, bool verbose)
{
	struct style style = { .verbose = verbose, .width = WIDTH_ANY };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	text_setting(out, &style, h, &settings[SETTING_KSM]);
	fclose(out);
	return text;
}

/* The row that begins with a label, without it and its blanks; "" where there is none. */
static char *row(const char *text, const char *label)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		const char *value = line + strlen(label);

		if (starts_with(line, label) && *value == ' ')
			return xstrndup(value + strspn(value, " "),
					strcspn(value + strspn(value, " "), "\n"));
	}
	return xstrdup("");
}

static void row_is(const struct host *h, const char *label, const char *want)
{
	autofree char *text = shown(h, true), *is = row(text, label);

	if (!starts_with(is, want) || (!*want && *is))
		fail_msg("%s: \"%s\", not \"%s\"", label, is, want);
}

static void has(const struct host *h, const char *want)
{
	autofree char *text = shown(h, true);

	if (!strstr(text, want))
		fail_msg("\"%s\" is not in:\n%s", want, text);
}

static void has_not(const struct host *h, const char *unwanted)
{
	autofree char *text = shown(h, true);

	if (strstr(text, unwanted))
		fail_msg("\"%s\" is in:\n%s", unwanted, text);
}

static const struct {
	int run;
	const char *sharing; /* NULL: no counters */
	bool ksmtuned;
	const char *text;
} states[] = {
	{ 1, "65536", false, "merging, 256 MiB saved" },
	{ 1, "0", false, "merging, nothing merged" },
	{ 1, NULL, false, "merging  " },
	{ 0, "65536", false, "off, 256 MiB still saved" },
	{ 0, "0", false, "off, nothing merged" },
	{ 0, "65536", true, "not merging until ksmtuned starts it, 256 MiB still saved" },
	{ 2, "65536", false, "off, unmerging, 256 MiB still saved" },
	{ 2, "0", false, "off, nothing merged" },
	{ -1, "0", false, "unknown: cannot be read" },
};

static void the_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct host h;

		make(&h);
		params_free(h.ksm.counters, h.ksm.counter_count);
		h.ksm.counters = NULL;
		h.ksm.counter_count = 0;
		h.ksm.run = states[i].run;
		if (states[i].sharing)
			counter(&h, "pages_sharing", states[i].sharing);
		if (states[i].ksmtuned)
			unit(&h, KSM_UNIT_KSMTUNED, "active", "enabled");
		row_is(&h, "KSM", states[i].text);
		host_free(&h);
	}
}

static void services(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	row_is(&h, "services", "neither ksmtuned nor ksm is installed");
	unit(&h, KSM_UNIT_KSMTUNED, "active", "enabled");
	unit(&h, KSM_UNIT_KSM, "inactive", "masked");
	row_is(&h, "ksmtuned", "active, enabled");
	row_is(&h, "ksm", "inactive, masked");
	row_is(&h, "services", "");
	row_is(&h, "next boot", "on");
	h.ksm.manager = MANAGER_NONE;
	unit(&h, KSM_UNIT_KSMTUNED, "", "disabled");
	has(&h, "its files; no systemd runs here");
	row_is(&h, "next boot", "off");
	host_free(&h);
}

/* Where systemd does not answer, "off" would be a guess. */
static void silent_systemd(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	h.ksm.manager = MANAGER_DEAD;
	row_is(&h, "next boot", "off");
	unit(&h, KSM_UNIT_KSM, "", "");
	row_is(&h, "ksm", "unknown");
	row_is(&h, "next boot", "unknown");
	unit(&h, KSM_UNIT_KSM, "", "disabled");
	row_is(&h, "next boot", "off");
	unit(&h, KSM_UNIT_KSM, "", "");
	unit(&h, KSM_UNIT_KSMTUNED, "", "enabled");
	row_is(&h, "next boot", "on");
	host_free(&h);
}

static void memory(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	row_is(&h, "unmerging", "needs up to 272 MiB");
	row_is(&h, "Memory", "32.0 GiB available");
	h.memory.swap_known = true;
	row_is(&h, "Memory", "32.0 GiB available, no swap");
	h.memory.swap_total_bytes = 8 * GIB;
	h.memory.swap_free_bytes = 6 * GIB;
	row_is(&h, "Memory", "32.0 GiB available, swap 8.0 GiB, 2.0 GiB of it used");
	/* Nonsense of the kernel is not made worse. */
	h.memory.swap_free_bytes = 9 * GIB;
	row_is(&h, "Memory", "32.0 GiB available, swap 8.0 GiB, 0 of it used");
	h.memory.known = h.memory.swap_known = false;
	row_is(&h, "Memory", "unknown");
	row_is(&h, "profit", "");
	counter(&h, "general_profit", "-12582912");
	row_is(&h, "profit", "-12.0 MiB:");
	host_free(&h);
}

static void the_tightest_limit(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	user(&h, 7, "web-01", 100);
	has_not(&h, "limit");
	room(&h, "/machine.slice/b.scope", GIB, GIB);
	room(&h, "/machine.slice/a", GIB, GIB);
	has_not(&h, "limit");
	room(&h, "/", 60 * GIB, 20 * GIB);
	has(&h, "limit 60.0 GiB, 40.0 GiB free");
	room(&h, "/machine.slice", 20 * GIB, 18 * GIB);
	room(&h, "/machine.slice/a.scope", 8 * GIB, 4 * GIB);
	has(&h, "limit 20.0 GiB, 2.0 GiB free");
	room(&h, "/machine.slice/a.scope", GIB, 3 * GIB);
	has(&h, "limit 1.0 GiB, 0 free");
	host_free(&h);
}

static void many_processes(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	has(&h, "This kernel does not show which processes have merged pages.");
	for (int i = 0; i < 20; i++)
		user(&h, 1000 + i, "guest", 5000);
	has(&h, "1019");
	has_not(&h, "more with");
	user(&h, 2001, "guest", 256);
	user(&h, 2002, "guest", 256);
	has(&h, "and 2 more with 2.0 MiB");
	has_not(&h, "2001");
	has_not(&h, "does not tell");
	host_free(&h);
}

static void hostile_names(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	user(&h, 7, "\033[31mred\n", 100);
	array_push(h.ksm.writers.v, h.ksm.writers.n) =
		(struct attribute_writer){ .who = xstrdup("\033]0;"),
					   .where = xstrdup("/etc/\ax") };
	has(&h, "\\x1b[31mred\\x0a");
	has_not(&h, "\033");
	has_not(&h, "\a");
	host_free(&h);
}

static void no_ksm(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	h.ksm.present = false;
	row_is(&h, "KSM", "not in this kernel");
	row_is(&h, "next boot", "");
	row_is(&h, "services", "");
	host_free(&h);
}

static const struct {
	uint64_t ticks;
	int64_t ms;
	int pid;
	const char *text;
} shares[] = {
	{ 0, 1000, 44, "\nksmd used 0.0 % of a CPU over 1.0 s.\n" },
	{ 25, 1000, 44, "\nksmd used 25.0 % of a CPU over 1.0 s.\n" },
	{ 25, 2000, 44, "\nksmd used 12.5 % of a CPU over 2.0 s.\n" },
	{ 25, 0, 44, "" },
	{ 25, 1000, 45, "" },
	{ (uint64_t)-1, 1000, 44, "" }, /* less than before */
};

static void share_of_ksmd(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		autofree char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		struct host from, to;

		make(&from);
		make(&to);
		from.ksm.ksmd_pid = 44;
		from.ksm.ksmd_ticks = 1000;
		to.ksm.ksmd_pid = shares[i].pid;
		to.ksm.ksmd_ticks = 1000 + shares[i].ticks;
		text_ksmd(out, &(struct style){ 0 }, &from, &to, shares[i].ms);
		fclose(out);
		assert_string_equal(text, shares[i].text);
		host_free(&from);
		host_free(&to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state),	      cmocka_unit_test(services),
		cmocka_unit_test(silent_systemd),     cmocka_unit_test(memory),
		cmocka_unit_test(the_tightest_limit), cmocka_unit_test(many_processes),
		cmocka_unit_test(hostile_names),      cmocka_unit_test(no_ksm),
		cmocka_unit_test(share_of_ksmd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
