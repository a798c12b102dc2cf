// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * score.c - the score that a load prints, found in output of unknown origin.
 */
#include "bench_internal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <regex.h>
#include <string.h>

/* A line that is longer is passed over: matching takes time that grows faster than the line. */
#define LINE_MOST 4096

static int compile(const char *regex, regex_t *ret, struct err *e)
{
	char why[128];
	int r = regcomp(ret, regex, REG_EXTENDED | REG_NEWLINE);

	if (r == 0)
		return 0;
	regerror(r, ret, why, sizeof(why));
	return err_set(e, -EINVAL, "--score: \"%s\" is not a regular expression: %s", regex, why);
}

int bench_check_score(const struct bench_score *s, struct err *e)
{
	regex_t compiled;

	if (!s->regex)
		return 0;
	if (compile(s->regex, &compiled, e) < 0)
		return e->code;
	regfree(&compiled);
	return 0;
}

/* The first number in a text: "Score: 12.5 HS06" is 12.5. */
static bool read_number(const char *text, size_t len, double *ret)
{
	autofree char *copy = xstrndup(text, len);

	for (char *p = copy; *p; p++) {
		const char *digits = p + (*p == '-' || *p == '+');
		char *end;
		double value;

		digits += *digits == '.';
		if (!isdigit((unsigned char)*digits))
			continue;
		value = strtod(p, &end);
		if (!isfinite(value))
			return false;
		*ret = value;
		return true;
	}
	return false;
}

/* ---- by a regular expression ---- */

static bool match_line(const regex_t *regex, const char *line, double *ret)
{
	regmatch_t at[2];
	const regmatch_t *group = &at[0];

	if (regexec(regex, line, 2, at, 0) != 0)
		return false;
	if (regex->re_nsub && at[1].rm_so >= 0)
		group = &at[1];
	return read_number(line + group->rm_so, (size_t)(group->rm_eo - group->rm_so), ret);
}

static int find_by_regex(const char *regex, const char *output, double *ret, struct err *e)
{
	regex_t compiled;
	bool found = false;

	if (compile(regex, &compiled, e) < 0)
		return e->code;
	while (*output) {
		size_t len = strcspn(output, "\n");

		if (len <= LINE_MOST) {
			autofree char *line = xstrndup(output, len);

			found |= match_line(&compiled, line, ret);
		}
		output += len + (output[len] == '\n');
	}
	regfree(&compiled);
	if (found)
		return 0;
	return err_set(e, -EINVAL, "the load printed no number that \"%s\" matches", regex);
}

/* ---- in JSON ---- */

static bool member(struct json_object *o, const char *path, double *ret)
{
	while (json_object_is_type(o, json_type_object)) {
		size_t len = strcspn(path, ".");
		autofree char *key = xstrndup(path, len);

		if (!json_object_object_get_ex(o, key, &o))
			return false;
		path += len;
		if (*path++)
			continue;
		if ((!json_object_is_type(o, json_type_double) &&
		     !json_object_is_type(o, json_type_int)) ||
		    !isfinite(json_object_get_double(o)))
			return false;
		*ret = json_object_get_double(o);
		return true;
	}
	return false;
}

static bool member_of_text(const char *text, const char *path, double *ret)
{
	struct json_object *o = bench_parse_json(text);
	bool found = o && member(o, path, ret);

	json_object_put(o);
	return found;
}

static int find_in_json(const char *path, const char *output, double *ret, struct err *e)
{
	bool found = member_of_text(output, path, ret);

	/* Else the last line that has it: a load may print more than its result. */
	if (!found) {
		autofree char *copy = xstrdup(output);
		char *line, *rest = copy;

		while ((line = strsep(&rest, "\n")))
			found |= *line == '{' && member_of_text(line, path, ret);
	}
	if (found)
		return 0;
	return err_set(e, -EINVAL, "the load printed no JSON object with a number \"%s\"", path);
}

int bench_find_score(const struct bench_score *s, const char *output, double *ret, struct err *e)
{
	double value = 0;
	int r = s->regex ? find_by_regex(s->regex, output, &value, e)
			 : find_in_json(s->json_key, output, &value, e);

	if (r < 0)
		return r;
	if (!(value > 0))
		return err_set(e, -EINVAL, "the load's score is %g: it has to be above 0", value);
	*ret = value;
	return 0;
}
