// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What steps may name that come from a journal, whoever wrote it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/step_json.h"

/* How many steps are taken of one whose act this is, and whose way back is none; and the reverse. */
static size_t taken(const char *act)
{
	autofree char *text = xasprintf("{\"steps\":[{\"act\":%s,\"back\":{\"kind\":\"none\"}},"
					"{\"act\":{\"kind\":\"none\"},\"back\":%s}]}",
					act, act);
	struct json_object *record = json_tokener_parse(text);
	struct step *steps = NULL;
	size_t count = 0;

	assert_non_null(record);
	steps_from_json(record, &steps, &count);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameter_is_that_of_the_setting),
		cmocka_unit_test(device_is_that_of_kvm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
