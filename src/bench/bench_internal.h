/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_internal.h - what the files of this folder share. */
#ifndef KVMTUNE_BENCH_INTERNAL_H
#define KVMTUNE_BENCH_INTERNAL_H

#include <kvmtune/json_string.h>

#include <kvmtune/bench.h>

/* Text of unknown origin as JSON; NULL: it is none. The caller puts it. */
struct json_object *bench_parse_json(const char *text);

/* The value nearest to the one asked for whose steps of 1, 2 or 5 people count in. */
double bench_nice_step(double about);

/* What one strip shows: the values of one variant. */
struct strip {
	const char *host; /* NULL: all are of one */
	const char *variant;
	double *values; /* in order of blocks */
	size_t count;
	double median, low, high; /* the median's interval; low is NAN: none */
};

struct strips {
	struct strip *strips;
	size_t count;
	double from, to; /* of the axis; from is below to */
	double step;	 /* of its marks */
};

void bench_strips(const struct bench *benches, size_t count, struct strips *ret);
void bench_strips_free(struct strips *s);

/* A name of the user's, as a terminal may show it. */
void bench_add_name(struct buf *b, const char *name);

/* What stands on the axis: "wall time, s, less is better". */
void bench_axis_title(const struct bench *b, struct buf *ret);

#endif
