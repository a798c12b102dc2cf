// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What steps may name that come from a journal, whoever wrote it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/json_string.h>

#include "engine/step_json.h"

/* How many steps are taken of one whose act this is, and whose undo is none; and the reverse. */
static size_t taken(const char *act)
{
	autofree char *text = xasprintf("{\"steps\":[{\"act\":%s,\"back\":{\"kind\":\"none\"}},"
					"{\"act\":{\"kind\":\"none\"},\"back\":%s}]}",
					act, act);
	struct json_object *record = json_tokener_parse(text);
	struct step *steps = NULL;
	struct strv lost = { 0 };
	size_t count = 0;

	assert_non_null(record);
	steps_from_json(record, &steps, &count, &lost);
	assert_int_equal(count + lost.n, 2);
	strv_free(&lost);
	for (size_t i = 0; i < count; i++)
		step_free(&steps[i]);
	free(steps);
	json_object_put(record);
	return count;
}

#define RESTORE(module, param)                                                                     \
	"{\"kind\":\"restore\",\"target\":\"" module "\",\"text\":\"\",\"parameter\":\"" param "\"}"

/* A parameter becomes part of a path and of what the kernel is told. */
static void parameter_is_that_of_the_setting(void **state)
{
	(void)state;
	assert_int_equal(taken(RESTORE("kvm_intel", "ept")), 2);
	assert_int_equal(taken(RESTORE("kvm_amd", "npt")), 2);
	assert_int_equal(taken(RESTORE("kvm_intel", "npt")), 0);
	assert_int_equal(taken(RESTORE("kvm_intel", "../../../etc/shadow")), 0);
	assert_int_equal(taken(RESTORE("kvm_intel", "nested=0 ept")), 0);
	assert_int_equal(taken("{\"kind\":\"load\",\"target\":\"kvm_amd\",\"parameter\":\"x\"}"),
			 0);
	assert_int_equal(taken("{\"kind\":\"unload\",\"target\":\"kvm_amd\"}"), 2);
}

static void device_is_that_of_kvm(void **state)
{
	(void)state;
	assert_int_equal(taken("{\"kind\":\"check_device\",\"target\":\"/dev/kvm\"}"), 2);
	assert_int_equal(taken("{\"kind\":\"check_device\",\"target\":\"/etc/shadow\"}"), 0);
	assert_int_equal(taken("{\"kind\":\"check_device\"}"), 0);
}

/* The device that a journal has it, with this as its ACL. */
static struct device_facts device_with(const char *acl)
{
	autofree char *text =
		xasprintf("{\"steps\":[{\"act\":{\"kind\":\"check_device\","
			  "\"target\":\"/dev/kvm\",\"device\":{\"uid\":0,"
			  "\"gid\":104,\"mode\":432%s}},\"back\":{\"kind\":\"none\"}}]}",
			  acl);
	struct json_object *record = json_tokener_parse(text);
	struct step *steps = NULL;
	struct device_facts device;
	struct strv lost = { 0 };
	size_t count = 0;

	assert_non_null(record);
	steps_from_json(record, &steps, &count, &lost);
	assert_int_equal(count, 1);
	device = steps[0].act.device;
	step_free(&steps[0]);
	free(steps);
	json_object_put(record);
	return device;
}

#define ACL_OF_ONE "0200000001000600ffffffff"

static void acl_of_the_device(void **state)
{
	static const char *const broken[] = {
		"0",
		"02000000",
		"0100000001000600ffffffff",
		"0200000001000600fffffff",
		"0200000001000600FFFFFFFF",
		"0200000001000600ffffffgg",
		"0200000001000600ffffffff00",
	};
	struct device_facts d = device_with(",\"acl\":\"" ACL_OF_ONE "\"");

	(void)state;
	assert_true(d.exists && d.mode == 0660 && !d.acl_unknown);
	assert_int_equal(d.acl_size, 12);
	assert_memory_equal(d.acl, "\2\0\0\0\1\0\6\0\377\377\377\377", 12);
	d = device_with(",\"acl\":\"\"");
	assert_true(!d.acl_size && !d.acl_unknown);
	/* As journals had it before 0.2.0 */
	d = device_with("");
	assert_true(!d.acl_size && d.acl_unknown);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		autofree char *member = xasprintf(",\"acl\":\"%s\"", broken[i]);

		d = device_with(member);
		assert_true(d.exists && !d.acl_size && d.acl_unknown);
	}
}

/* What is written is what is read; the longest, too. */
static void acl_comes_through_a_journal(void **state)
{
	struct step step = {
		.act = { .kind = ACT_CHECK_DEVICE,
			 .target = xstrdup("/dev/kvm"),
			 .device = { .exists = true, .acl = { 2 }, .acl_size = ACL_MAX } }
	};
	struct json_object *record = json_object_new_object();
	struct step *steps = NULL;
	struct strv lost = { 0 };
	size_t count = 0;

	(void)state;
	for (size_t i = 4; i < ACL_MAX; i++)
		step.act.device.acl[i] = (unsigned char)i;
	json_object_object_add(record, "steps", steps_to_json(&step, 1));
	steps_from_json(record, &steps, &count, &lost);
	assert_int_equal(count, 1);
	assert_true(device_same(&steps[0].act.device, &step.act.device));
	step_free(&steps[0]);
	free(steps);
	step_free(&step);
	json_object_put(record);
	assert_int_equal(lost.n, 0);
}

/* What is left of the text of a step that writes this file. */
static char *text_taken(const char *path, const char *text)
{
	struct json_object *record = json_object_new_object(), *act = json_object_new_object();
	struct json_object *list = json_object_new_array(), *step = json_object_new_object();
	struct step *steps = NULL;
	struct strv lost = { 0 };
	size_t count = 0;
	char *taken;

	json_object_object_add(act, "kind", json_object_new_string("write"));
	json_object_object_add(act, "target", json_object_new_string(path));
	json_object_object_add(act, "text", json_object_new_string(text));
	json_object_object_add(step, "act", json_object_get(act));
	json_object_object_add(step, "back", act);
	json_object_array_add(list, step);
	json_object_object_add(record, "steps", list);
	steps_from_json(record, &steps, &count, &lost);
	assert_int_equal(count, 1);
	assert_int_equal(lost.n, 0);
	assert_string_equal(steps[0].act.text, steps[0].back.text);
	taken = xstrdup(steps[0].act.text);
	step_free(&steps[0]);
	free(steps);
	json_object_put(record);
	return taken;
}

static const char *const harmless[] = {
	"# a comment: install kvm_intel /bin/true\n",
	"options kvm_intel ept=0\n",
	" \toptions\tkvm_intel nested=1 \\\n ept=0\n",
	"# goes on \\\ninstall kvm_intel /bin/true\n",
	"\n",
	" \t\n",
	"options kvm_intel ept=0", /* no newline at the end */
};

/* libkmod drops each backslash, and keeps the byte behind it: two of them do not continue a line. */
static const char *const harmful[] = {
	"install kvm_intel /bin/true\n",
	" install kvm_intel /bin/true\n",
	"remove kvm_intel /bin/true\n",
	"softdep kvm_intel pre: evil\n",
	"blacklist kvm_intel\n",
	"alias kvm_intel evil\n",
	"ins\\tall kvm_intel /bin/true\n",
	"\\install kvm_intel /bin/true\n",
	"optionsinstall kvm_intel /bin/true\n",
	"options\finstall kvm_intel /bin/true\n",
	"\roptions kvm_intel ept=0\n",
	"\\\ninstall kvm_intel /bin/true\n",
};

static void only_options_go_into_modprobe_d(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		autofree char *text = text_taken(OWN_CONF_FILE, harmless[i]);

		assert_string_equal(text, harmless[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(harmful); i++)
		for (size_t k = 0; k + 1 < ARRAY_SIZE(harmless); k++) {
			autofree char *joined =
				xasprintf("%s%s%s", harmless[k], harmful[i], harmless[k]);
			autofree char *twice = xasprintf("%s%s", harmless[k], harmless[k]);
			autofree char *text = text_taken(OWN_CONF_FILE, joined);

			assert_string_equal(text, twice);
		}
}

/* Two backslashes at the end of a line do not continue it. */
static void nothing_hides_behind_a_backslash(void **state)
{
	autofree char *text = text_taken(OWN_CONF_FILE, "options kvm_intel ept=0 \\\\\n"
							"install kvm_intel /bin/true\n");

	(void)state;
	assert_string_equal(text, "options kvm_intel ept=0 \\\\\n");
}

static void only_run_goes_into_tmpfiles_d(void **state)
{
	autofree char *text =
		text_taken(OWN_TMPFILES, "# ours \\\nC /etc/cron.d/evil - - - - /tmp/evil\n"
					 "w " KSM_RUN_FILE " - - - - 0\n"
					 "w " KSM_RUN_FILE " - - - - 7\n"
					 "w /proc/sys/kernel/core_pattern - - - - |/tmp/evil\n");

	(void)state;
	assert_string_equal(text, "# ours \\\nw " KSM_RUN_FILE " - - - - 0\n");
}

/* Every byte, our own letters for bytes, and what is nearly one of them. */
static void texts_come_back_exactly(void **state)
{
	static const char *const odd[] = {
		"\xf4\x8f\xbe\x80",
		"\xf4\x8f\xbf\xbf",
		"\xf4\x8f\xbd\xbf",
		"\xf4\x8f\xbe",
		"\xf4\x8f",
		"\xf4\x90\x80\x80",
		"\xc0\xaf",
		"\xed\xa0\x80",
		"\xc3\xa4\xff\xc3",
		"\xf4\xf4\x8f\xbe\x80\x80",
		"",
	};
	char all[256] = "";

	(void)state;
	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	for (size_t i = 0; i <= ARRAY_SIZE(odd); i++) {
		const char *text = i < ARRAY_SIZE(odd) ? odd[i] : all;
		struct json_object *o = json_object_new_object(), *again;
		const char *kept;
		autofree char *restored = NULL;

		json_put_exact(o, "text", text);
		again = json_tokener_parse(
			json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
		assert_non_null(again);
		kept = json_text(again, "text");
		for (const char *at = kept; *at; at += utf8_length(at))
			assert_true(utf8_length(at) > 0);
		restored = json_restored(kept);
		assert_string_equal(restored, text);
		json_object_put(o);
		json_object_put(again);
	}
}

/* Journals of older versions have such bytes as they are. */
static void raw_bytes_are_read(void **state)
{
	autofree char *restored = json_restored("a\xff\xc3\xa4\xf4\x8f");

	(void)state;
	assert_string_equal(restored, "a\xff\xc3\xa4\xf4\x8f");
	assert_null(json_restored(NULL));
}

/* The text of a file of ours, and parameters by name. */
static void steps_come_back_exactly(void **state)
{
	struct expect expect = { .param = (char *)"p\xfe", .before = (char *)"\xff" };
	struct wanted wanted = { .param = (char *)"ept", .value = YES };
	struct step step = { .act = { .kind = ACT_RESTORE,
				      .target = (char *)"kvm_intel",
				      .text = (char *)"a=\xff",
				      .wanted = &wanted,
				      .wanted_count = 1,
				      .expects = &expect,
				      .expect_count = 1 } };
	struct json_object *record = json_object_new_object();
	struct step *steps = NULL;
	struct strv lost = { 0 };
	size_t count = 0;

	(void)state;
	json_put(record, "steps", steps_to_json(&step, 1));
	steps_from_json(record, &steps, &count, &lost);
	assert_int_equal(lost.n, 0);
	assert_int_equal(count, 1);
	assert_string_equal(steps[0].act.text, "a=\xff");
	assert_int_equal(steps[0].act.expect_count, 1);
	assert_string_equal(steps[0].act.expects[0].param, "p\xfe");
	assert_string_equal(steps[0].act.expects[0].before, "\xff");
	step_free(&steps[0]);
	free(steps);
	json_object_put(record);
}

static void documents_have_no_other_bytes(void **state)
{
	struct json_object *o = json_object_new_object();

	(void)state;
	json_put(o, "k\xff", json_string("v\xc3("));
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
			    "{\"k\xef\xbf\xbd\":\"v\xef\xbf\xbd(\"}");
	json_object_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameter_is_that_of_the_setting),
		cmocka_unit_test(device_is_that_of_kvm),
		cmocka_unit_test(acl_of_the_device),
		cmocka_unit_test(acl_comes_through_a_journal),
		cmocka_unit_test(only_options_go_into_modprobe_d),
		cmocka_unit_test(nothing_hides_behind_a_backslash),
		cmocka_unit_test(only_run_goes_into_tmpfiles_d),
		cmocka_unit_test(texts_come_back_exactly),
		cmocka_unit_test(raw_bytes_are_read),
		cmocka_unit_test(steps_come_back_exactly),
		cmocka_unit_test(documents_have_no_other_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
