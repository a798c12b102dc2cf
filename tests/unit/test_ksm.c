// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's counters, the words of systemd, and the files of others that set KSM.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/ksm.h>
#include <kvmtune/setting.h>
#include <kvmtune/tuned.h>

#define RUN KSM_RUN_FILE

/* ---- counters ---- */

static void count(struct ksm_facts *k, const char *name, const char *value)
{
	array_push(k->counters, k->counter_count) =
		(struct param){ .name = xstrdup(name), .value = xstrdup(value) };
}

static void make_facts(struct ksm_facts *k, const char *shared, const char *sharing)
{
	*k = (struct ksm_facts){ .present = true, .page_bytes = 4096 };
	if (shared)
		count(k, "pages_shared", shared);
	if (sharing)
		count(k, "pages_sharing", sharing);
}

static void what_is_saved_and_needed(void **state)
{
	struct ksm_facts k;
	uint64_t value = 7;

	(void)state;
	make_facts(&k, "1000", "700000");
	assert_int_equal(ksm_saved_bytes(&k), UINT64_C(700000) * 4096);
	assert_int_equal(ksm_need_bytes(&k), UINT64_C(701000) * 4096);
	/* 6.6 and later. */
	count(&k, "ksm_zero_pages", "500");
	count(&k, "general_profit", "-4096");
	count(&k, "advisor_mode", "[none] scan-time");
	assert_int_equal(ksm_saved_bytes(&k), UINT64_C(700500) * 4096);
	assert_int_equal(ksm_need_bytes(&k), UINT64_C(701500) * 4096);
	assert_int_equal(ksm_merged_pages(k.counters, k.counter_count), 701500);
	assert_false(ksm_counter(&k, "general_profit", &value));
	assert_false(ksm_counter(&k, "advisor_mode", &value));
	assert_false(ksm_counter(&k, "full_scans", &value));
	assert_int_equal(value, 7);
	assert_true(ksm_counter(&k, "ksm_zero_pages", &value));
	assert_int_equal(value, 500);
	assert_int_equal(ksm_counted(k.counters, k.counter_count, "full_scans"), 0);
	ksm_free(&k);
	assert_null(k.counters);
}

/* A need that does not fit into a number must not look like a small one. */
static void too_much(void **state)
{
	struct ksm_facts k;

	(void)state;
	make_facts(&k, "5", "4503599627370496");
	assert_true(ksm_need_bytes(&k) == UINT64_MAX);
	ksm_free(&k);
	make_facts(&k, "18446744073709551615", "18446744073709551615");
	assert_true(ksm_need_bytes(&k) == UINT64_MAX);
	assert_true(ksm_merged_pages(k.counters, k.counter_count) == UINT64_MAX);
	ksm_free(&k);
}

/* ---- states ---- */

struct now_case {
	int run;
	const char *shared, *sharing, *ksmtuned, *now;
};

static void now(void **state)
{
	static const struct now_case cases[] = {
		{ -1, "0", "0", "active", NULL },
		{ 1, "0", "0", "", "on" },
		{ 1, "5", "9", "inactive", "on" },
		{ 0, "5", "9", "inactive", "off" },
		{ 0, "1", "0", "inactive", "off" },
		{ 0, "0", "0", "inactive", "unmerged" },
		{ 2, "0", "0", "inactive", "unmerged" },
		{ 2, "5", "9", "inactive", "off" },
		{ 0, NULL, NULL, "", "off" },
		/* It writes 0 while there is enough memory. */
		{ 0, "0", "0", "active", "on" },
		{ 2, "0", "0", "activating", "on" },
		{ 0, "0", "0", "deactivating", "unmerged" },
		{ 0, "0", "0", "failed", "unmerged" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct unit_state *s;
		const char *word;
		struct ksm_facts k;

		make_facts(&k, cases[i].shared, cases[i].sharing);
		k.run = cases[i].run;
		s = &k.units[KSM_UNIT_KSMTUNED].state;
		snprintf(s->active, sizeof(s->active), "%s", cases[i].ksmtuned);
		word = ksm_now(&k);
		if (!word != !cases[i].now || (word && strcmp(word, cases[i].now) != 0))
			fail_msg("case %zu: %s", i, word ? word : "unknown");
		ksm_free(&k);
	}
}

static void set_file(struct ksm_facts *k, enum ksm_unit_id id, const char *word)
{
	struct unit_state *s = &k->units[id].state;

	snprintf(s->file, sizeof(s->file), "%s", word);
}

static void read_tmpfiles(const char *file, const char *text, struct ksm_facts *k)
{
	const struct attribute_watch watch = { settings[SETTING_KSM].attribute, &k->writers };

	attribute_read_tmpfiles(file, text, &watch, 1);
}

static void add_writer(struct ksm_facts *k, const char *where, int value)
{
	array_push(k->writers.v, k->writers.n) = (struct attribute_writer){
		.who = xstrdup("somebody"),
		.where = xstrdup(where),
		.value = value < 0 ? NULL : settings[SETTING_KSM].attribute->texts[value]
	};
}

static void check_next(const struct ksm_facts *k, const char *word, const char *who)
{
	autostrv names = { 0 };
	autobuf text = { 0 };

	assert_string_equal(ksm_next(k, &names) ?: "unknown", word);
	for (size_t i = 0; i < names.n; i++)
		buf_join(&text, ", ", names.v[i]);
	assert_string_equal(buf_text(&text), who);
}

static void next(void **state)
{
	struct ksm_facts k;

	(void)state;
	make_facts(&k, NULL, NULL);
	check_next(&k, "off", "default");
	set_file(&k, KSM_UNIT_KSMTUNED, "enabled-runtime");
	set_file(&k, KSM_UNIT_KSM, "disabled");
	check_next(&k, "off", "default");
	add_writer(&k, "/etc/a:1", 1);
	check_next(&k, "on", "/etc/a:1");
	add_writer(&k, "/etc/b:2", 2);
	check_next(&k, "off", "/etc/b:2");
	add_writer(&k, "/etc/policy", -1);
	/* A policy of its own: who knows. */
	check_next(&k, "unknown", "/etc/policy");
	set_file(&k, KSM_UNIT_KSM, "enabled");
	check_next(&k, "on", "ksm.service");
	set_file(&k, KSM_UNIT_KSMTUNED, "generated");
	check_next(&k, "on", "ksmtuned.service, ksm.service");
	ksm_free(&k);
}

struct word_case {
	const char *load, *active, *file;
	bool is_active, enabled, masked, runtime;
};

static void words_of_systemd(void **state)
{
	static const struct word_case cases[] = {
		{ "loaded", "active", "enabled", true, true, false, false },
		{ "loaded", "reloading", "enabled-runtime", true, true, false, true },
		{ "loaded", "activating", "generated", true, true, false, false },
		{ "loaded", "deactivating", "disabled", false, false, false, false },
		{ "loaded", "inactive", "static", false, false, false, false },
		{ "loaded", "failed", "indirect", false, false, false, false },
		{ "loaded", "inactive", "linked", false, false, false, false },
		{ "loaded", "inactive", "linked-runtime", false, false, false, false },
		{ "loaded", "inactive", "alias", false, false, false, false },
		{ "masked", "inactive", "masked", false, false, true, false },
		{ "masked", "active", "masked-runtime", true, false, true, false },
		{ "masked", "inactive", "", false, false, true, false },
		{ "not-found", "inactive", "", false, false, false, false },
		{ "", "", "", false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct word_case *c = &cases[i];
		struct ksm_unit u = { 0 };

		snprintf(u.state.load, sizeof(u.state.load), "%s", c->load);
		snprintf(u.state.active, sizeof(u.state.active), "%s", c->active);
		snprintf(u.state.file, sizeof(u.state.file), "%s", c->file);
		if (unit_is_active(&u) != c->is_active || unit_is_enabled(&u) != c->enabled ||
		    unit_is_masked(&u) != c->masked || unit_is_runtime(&u) != c->runtime)
			fail_msg("%s %s %s", c->load, c->active, c->file);
	}
}

/* ---- tmpfiles.d ---- */

struct tmpfiles_case {
	const char *line;
	int value; /* -2: no writer */
	bool ours_beats_it;
};

static void lines_of_tmpfiles(void **state)
{
	static const struct tmpfiles_case cases[] = {
		{ "w " RUN " - - - - 1", 1, true },
		{ "  w\t" RUN "\t-\t-\t-\t-\t0\r", 0, true },
		{ "w! " RUN " 0644 root root - 2", 2, true },
		{ "w+ " RUN " - - - - 1", 1, true },
		{ "w-!+= " RUN " - - - - 1", 1, true },
		{ "\"w\" '" RUN "' - - - - 1\\n", 1, true },
		{ "w //sys/kernel/./mm/ksm//run/ - - - - 1", 1, true },
		{ "w /sys/kernel/mm/ksm/ru? - - - - 1", 1, false },
		{ "w /sys/kernel/mm/*/run - - - - 1", 1, false },
		/* What the kernel refuses. */
		{ "w " RUN " - - - - 3", -1, true },
		{ "w " RUN " - - - - \"1\"", -1, true },
		{ "w " RUN " - - - - 1 # merge", -1, true },
		/* What is not to be seen from here. */
		{ "w~ " RUN " - - - - MQ==", -1, false },
		{ "w^ " RUN " - - - - ksm.run", -1, false },
		{ "w " RUN " - - - - %v", -1, false },
		{ "w " RUN " - - - - \\x31", -1, false },
		{ "# w " RUN " - - - - 1", -2, false },
		{ "w", -2, false },
		{ "w " RUN, -2, false },
		{ "w " RUN " - - - -", -2, false },
		{ "w " RUN " - - - - -", -2, false },
		{ "w* " RUN " - - - - 1", -2, false },
		{ "ww " RUN " - - - - 1", -2, false },
		{ "f " RUN " - - - - 1", -2, false },
		{ "z " RUN " 0600 - - - -", -2, false },
		{ "w /sys/kernel/mm/ksm/pages_to_scan - - - - 1", -2, false },
		{ "w /sys/kernel/mm/*/* - - - - 1", 1, false },
		{ "w /sys/*/run - - - - 1", -2, false },
		{ "w sys/kernel/mm/ksm/run - - - - 1", -2, false },
		{ "w '" RUN " - - - - 1", -2, false },
		{ "", -2, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *text = xasprintf("\n%s", cases[i].line);
		struct ksm_facts k = { 0 };

		read_tmpfiles("/etc/tmpfiles.d/x.conf", text, &k);
		if (k.writers.n != (cases[i].value != -2))
			fail_msg("\"%s\": %zu writers", cases[i].line, k.writers.n);
		if (k.writers.n) {
			assert_string_equal(k.writers.v[0].who, "tmpfiles.d");
			assert_string_equal(k.writers.v[0].where, "/etc/tmpfiles.d/x.conf:2");
			if (ksm_run_value(k.writers.v[0].value) != cases[i].value ||
			    k.writers.v[0].tmpfiles != cases[i].ours_beats_it)
				fail_msg("\"%s\": %s", cases[i].line, k.writers.v[0].value);
			assert_false(k.writers.v[0].ours);
		}
		ksm_free(&k);
	}
}

struct settle_case {
	const char *ours, *others; /* "w0 w+1 p2": kinds and values; p is a pattern */
	const char *left;	   /* the values that are left, and those of others alone */
	int others_value;
};

static void read_case(const char *file, const char *list, struct ksm_facts *k)
{
	autofree char *copy = xstrdup(list), *rest = copy;
	struct buf text = { 0 };
	char *word;

	while ((word = strsep(&rest, " "))) {
		size_t len = strlen(word);

		if (!len)
			continue;
		buf_printf(&text, "%s %s - - - - %s\n", strchr(word, '+') ? "w+" : "w",
			   word[0] == 'p' ? "/sys/kernel/mm/ksm/ru[n]" : RUN, word + len - 1);
	}
	read_tmpfiles(file, buf_text(&text), k);
	buf_free(&text);
}

/* As systemd-tmpfiles 252 did it on the same files. */
static void which_line_counts(void **state)
{
	static const struct settle_case cases[] = {
		{ "", "", "", -1 },
		{ "", "w1", "1", 1 },
		{ "", "w1 w0", "1", 1 },
		{ "", "w0 w1", "0", 0 },
		{ "", "w0 w+1 w+2", "0", 0 },
		{ "", "w+1 w0", "1", 1 },
		{ "", "w+0 w+1 w0", "01", 1 },
		{ "", "p1 w0", "10", 0 },
		{ "", "w0 p1", "01", 1 },
		{ "w0", "w1", "0", 1 },
		{ "w0", "w+1", "0", 1 },
		{ "w0", "w1 w2", "0", 1 },
		{ "w0", "w+0 w+1", "0", 1 },
		{ "w0", "p1", "01", 1 },
		{ "w0", "p1 p2 w1 p+2", "01", 1 },
		{ "", "w0 p+1 w1 p+2", "012", 2 },
		{ "w1", "", "1", -1 },
		/* The kernel refuses 7, but the line stands in the way of others. */
		{ "", "w7 w1", "-", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ksm_facts k = { 0 };
		autobuf left = { 0 };

		read_case(OWN_TMPFILES, cases[i].ours, &k);
		read_case("/usr/lib/tmpfiles.d/x.conf", cases[i].others, &k);
		attribute_settle_tmpfiles(&k.writers);
		for (size_t w = 0; w < k.writers.n; w++) {
			assert_int_equal(k.writers.v[w].ours, *cases[i].ours && w == 0);
			buf_puts(&left, k.writers.v[w].value ?: "-");
		}
		if (strcmp(buf_text(&left), cases[i].left) != 0 ||
		    ksm_run_value(k.writers.tmpfiles_others) != cases[i].others_value)
			fail_msg("%s | %s: %s, %d", cases[i].ours, cases[i].others, buf_text(&left),
				 ksm_run_value(k.writers.tmpfiles_others));
		ksm_free(&k);
	}
}

/* ---- tuned, qemu-kvm ---- */

struct tuned_case {
	const char *base, *text;   /* what is included, NULL: nothing; and the profile */
	const char *value, *where; /* NULL: nothing is written */
	const char *includes;
};

static void tuned(void **state)
{
	static const struct tuned_case cases[] = {
		{ NULL, "[main]\nsummary=x\ninclude=virtual-host\n\n[sysfs]\n" RUN "=2\n", "2",
		  "b:6", "virtual-host" },
		{ NULL, "[main]\ninclude = a, b;c  d\n", NULL, NULL, "a b c d" },
		{ NULL, "[main]\ninclude=../../etc/x .hid a/b ${v} ok\n", NULL, NULL, "ok" },
		{ NULL, "[ksm]\ntype=sysfs\n/sys/kernel/mm/ksm/ru*=1 # merge\n", "1", "b:3", "" },
		{ NULL, "[sysfs]\n#" RUN "=1\n" RUN " = 0\n" RUN "=1\n", "1", "b:4", "" },
		{ NULL, "[sysfs]\n" RUN "\ninclude=x\n", NULL, NULL, "" },
		{ NULL, "[sysfs]\n/sys/kernel/mm/ksm/sleep_millisecs=1\n", NULL, NULL, "" },
		{ NULL, "[[[\n]]=\n=\n=1\n[", NULL, NULL, "" },
		{ NULL, "", NULL, NULL, "" },
		/* Sections that tuned does not apply. */
		{ NULL, "[sysfs]\nenabled=0\n" RUN "=1\n", NULL, NULL, "" },
		{ NULL, "[sysfs]\n" RUN "=1\nenabled=false\n", NULL, NULL, "" },
		{ NULL, "[sysfs]\nenabled=1\n" RUN "=1\n", "1", "b:3", "" },
		{ NULL, "[sysfs]\ntype=script\n" RUN "=1\n", NULL, NULL, "" },
		{ NULL, "[script]\n" RUN "=1\n", NULL, NULL, "" },
		/* What is included, and what becomes of it. */
		{ "[sysfs]\n" RUN "=1\n", "[sysfs]\n/sys/x=1\n", "1", "a:2", "" },
		{ "[sysfs]\n" RUN "=1\n", "[sysfs]\n" RUN "=0\n", "0", "b:2", "" },
		{ "[sysfs]\n" RUN "=1\n", "[sysfs]\n/sys/x=1\nreplace=1\n", NULL, NULL, "" },
		{ "[sysfs]\n" RUN "=1\n", "[sysfs]\nreplace=0\n", "1", "a:2", "" },
		{ "[sysfs]\n" RUN "=1\n", "[sysfs]\ndrop=/sys/x, " RUN "\n", NULL, NULL, "" },
		{ "[sysfs]\n" RUN "=1\n", "[sysfs]\nenabled=0\n", NULL, NULL, "" },
		{ "[sysfs]\nenabled=0\n" RUN "=1\n", "[sysfs]\nenabled=1\n", "1", "a:3", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct tuned_option *o;
		struct tuned t = { 0 };
		autostrv includes = { 0 };
		autobuf joined = { 0 };

		tuned_read_includes(cases[i].text, &includes);
		for (size_t n = 0; n < includes.n; n++)
			buf_join(&joined, " ", includes.v[n]);
		assert_string_equal(buf_text(&joined), cases[i].includes);
		if (cases[i].base)
			tuned_add(&t, "a", cases[i].base);
		tuned_add(&t, "b", cases[i].text);
		o = tuned_sysfs(&t, RUN);
		if (!o != !cases[i].value ||
		    (o && (strcmp(o->value, cases[i].value) || strcmp(o->where, cases[i].where))))
			fail_msg("case %zu: %s at %s", i, o ? o->value : "nothing",
				 o ? o->where : "");
		tuned_free(&t);
	}
}

static void tuned_services(void **state)
{
	struct tuned t = { 0 };

	(void)state;
	tuned_add(&t, "a", "[service]\nservice.ksmtuned=start,enable\nservice.ksm = stop # x\n");
	assert_string_equal(tuned_service(&t, "ksmtuned")->value, "start,enable");
	assert_string_equal(tuned_service(&t, "ksm")->value, "stop");
	assert_null(tuned_service(&t, "sshd"));
	tuned_add(&t, "b", "[service]\nenabled=0\n");
	assert_null(tuned_service(&t, "ksmtuned"));
	tuned_free(&t);
}

struct default_case {
	const char *text;
	bool on;
	unsigned line;
};

static void default_qemu(void **state)
{
	static const struct default_case cases[] = {
		{ "# Set to 1\nKSM_ENABLED=AUTO\nSLEEP_MILLISECS=200\n", true, 2 },
		{ "KSM_ENABLED=1", true, 1 },
		{ "KSM_ENABLED=0", false, 1 },
		{ "KSM_ENABLED=\"0\"\n", false, 1 },
		{ "#KSM_ENABLED=0\n", true, 0 },
		{ "KSM_ENABLED=0\nKSM_ENABLED=1\n", true, 2 },
		{ "", true, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned line = 0;

		if (ksm_read_default_qemu(cases[i].text, &line) != cases[i].on ||
		    line != cases[i].line)
			fail_msg("\"%s\"", cases[i].text);
	}
}

/* ---- unit files ---- */

struct memory_case {
	const char *text;
	unsigned line;
};

static void memory_ksm(void **state)
{
	static const struct memory_case cases[] = {
		{ "[Service]\nMemoryKSM=yes\n", 2 },
		{ "[Service]\nMemoryKSM = On\n", 2 },
		{ "[Service]\nMemoryKSM=no\n", 0 },
		{ "[Service]\nMemoryKSM=yes\nMemoryKSM=0\n", 0 },
		{ "[Service]\nMemoryKSM=\n", 0 },
		{ "[Service]\n#MemoryKSM=yes\n;MemoryKSM=yes\n", 0 },
		{ "[Service]\nExecStart=/bin/x \\\nMemoryKSM=yes\n", 0 },
		{ "[Service]\n# x \\\nMemoryKSM=yes\n", 3 },
		{ "[Service]\nExecStart=/bin/x \\\n# y\n  -z\nMemoryKSM=1", 5 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (ksm_read_memory_ksm(cases[i].text) != cases[i].line)
			fail_msg("\"%s\"", cases[i].text);
}

struct install_case {
	const char *text;
	const char *links; /* below /etc/systemd/system */
};

static void install(void **state)
{
	static const struct install_case cases[] = {
		{ "[Unit]\nWantedBy=no.target\n[Install]\nWantedBy=multi-user.target\n",
		  "multi-user.target.wants/ksm.service" },
		{ "[Install]\nWantedBy=a.target b.target\nWantedBy=\ta.target c.service\n",
		  "a.target.wants/ksm.service b.target.wants/ksm.service "
		  "c.service.wants/ksm.service" },
		{ "[Install]\nWantedBy=a.target\nWantedBy=\nRequiredBy=b.target\n",
		  "b.target.requires/ksm.service" },
		{ "[Install]\nAlias=merge.service ksm.service\nAlso=ksmtuned.service\n",
		  "merge.service" },
		{ "[Install]\nWantedBy=a.target \\\n# no\n b.target\n",
		  "a.target.wants/ksm.service b.target.wants/ksm.service" },
		{ "[Install]\nWantedBy=../../x.target /etc/y.target .target %i.target \"q.target\" "
		  ".h.target plain\n",
		  "" },
		{ "[Service]\nExecStart=/bin/true\n", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ksm_facts k = { 0 };
		struct ksm_unit *u = &k.units[KSM_UNIT_KSM];
		autobuf joined = { 0 };

		ksm_read_install("ksm.service", "/lib/systemd/system/ksm.service", cases[i].text,
				 u);
		for (size_t n = 0; n < u->install_count; n++) {
			static const char dir[] = "/etc/systemd/system/";

			assert_true(starts_with(u->install[n].path, dir));
			assert_string_equal(u->install[n].target,
					    "/lib/systemd/system/ksm.service");
			buf_join(&joined, " ", u->install[n].path + strlen(dir));
		}
		assert_string_equal(buf_text(&joined), cases[i].links);
		ksm_free(&k);
	}
}

/* ---- processes ---- */

static void stat_of_process(void **state)
{
	/* 6.12; 6.18 has the last two, with a colon. */
	static const char text[] =
		"ksm_rmap_items 77\nksm_zero_pages 3\nksm_merging_pages 4096\n"
		"ksm_process_profit -12\nksm_merge_any: yes\nksm_mergeable: no\n";
	uint64_t value = 9;

	(void)state;
	assert_true(ksm_read_stat(text, "ksm_merging_pages", &value));
	assert_int_equal(value, 4096);
	assert_true(ksm_read_stat(text, "ksm_merge_any", &value));
	assert_int_equal(value, 1);
	assert_true(ksm_read_stat(text, "ksm_mergeable", &value));
	assert_int_equal(value, 0);
	value = 9;
	assert_false(ksm_read_stat(text, "ksm_process_profit", &value));
	assert_false(ksm_read_stat(text, "ksm_merge", &value));
	assert_false(ksm_read_stat("ksm_merging_pages", "ksm_merging_pages", &value));
	/* 6.1 */
	assert_false(ksm_read_stat("ksm_rmap_items 5\n", "ksm_merging_pages", &value));
	assert_int_equal(value, 9);
}

/* Long lines and bytes of all kinds: nothing is found, and nothing breaks. */
static void hostile_text(void **state)
{
	static const char *const bits[] = { "w ",   RUN, " - - - - ", "1",   "[Install]\n",
					    "\\\n", "=", "WantedBy=", "\"'", "\n",
					    "\\",   "#", "[main]\n",  "]",   "\xff\x01" };
	unsigned seed = 12345;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct ksm_facts k = { 0 };
		autostrv includes = { 0 };
		autobuf text = { 0 };
		unsigned line;
		uint64_t value;

		for (int i = 0; i < 200; i++) {
			seed = seed * 1103515245 + 12345;
			buf_puts(&text, bits[(seed >> 16) % ARRAY_SIZE(bits)]);
		}
		read_tmpfiles("/x", buf_text(&text), &k);
		attribute_settle_tmpfiles(&k.writers);
		tuned_read_includes(buf_text(&text), &includes);
		ksm_read_default_qemu(buf_text(&text), &line);
		ksm_read_memory_ksm(buf_text(&text));
		ksm_read_install("ksm.service", "/x", buf_text(&text), &k.units[0]);
		ksm_read_stat(buf_text(&text), "w", &value);
		ksm_free(&k);
	}
}

static void long_line(void **state)
{
	struct ksm_facts k = { 0 };
	struct buf text = { 0 };

	(void)state;
	buf_puts(&text, "w " RUN " - - - - 1");
	for (int i = 0; i < 100000; i++)
		buf_puts(&text, "1");
	buf_puts(&text, "\nw " RUN " - - - - 1\n");
	read_tmpfiles("/x", buf_text(&text), &k);
	assert_int_equal(k.writers.n, 2);
	assert_null(k.writers.v[0].value);
	assert_string_equal(k.writers.v[1].value, "1");
	ksm_free(&k);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_saved_and_needed),
		cmocka_unit_test(too_much),
		cmocka_unit_test(now),
		cmocka_unit_test(next),
		cmocka_unit_test(words_of_systemd),
		cmocka_unit_test(lines_of_tmpfiles),
		cmocka_unit_test(which_line_counts),
		cmocka_unit_test(tuned),
		cmocka_unit_test(tuned_services),
		cmocka_unit_test(default_qemu),
		cmocka_unit_test(memory_ksm),
		cmocka_unit_test(install),
		cmocka_unit_test(stat_of_process),
		cmocka_unit_test(hostile_text),
		cmocka_unit_test(long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
