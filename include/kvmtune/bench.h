/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench.h - `kvmtune bench`: which variant of the host runs a load faster, and how sure that is.
 *
 * A bench is a list of runs. Block i has one run of each variant, in an order drawn anew for each
 * block. Measuring (bench_run.h), judging and presenting are apart: everything here is pure, works on
 * recorded runs, and writes text into a struct buf.
 *
 *	bench_read() or bench_measure() -> bench_judge() -> bench_text(), bench_svg()
 *
 * Ownership: a struct bench owns its texts and runs (bench_free()), a judgement its verdicts.
 */
#ifndef KVMTUNE_BENCH_H
#define KVMTUNE_BENCH_H

#include <kvmtune/err.h>
#include <kvmtune/stats.h>

#define BENCH_VARIANTS_MAX 16
#define BENCH_BLOCKS_MAX   INTERVAL_MAX
#define BENCH_RUNS_DEFAULT 10

/* ---- what is measured ---- */

enum metric_id {
	METRIC_SCORE, /* what the load itself printed */
	METRIC_WALL,
	METRIC_USER, /* of the load and its children */
	METRIC_SYSTEM,
	METRIC_HOST_BUSY,  /* of all CPUs: neither idle nor stolen */
	METRIC_HOST_STEAL, /* taken by the hypervisor below this host */
	METRIC_KSMD,	   /* of the kernel's merging thread */
	METRIC_MINOR_FAULTS,
	METRIC_MAJOR_FAULTS,
	METRIC_PEAK_MEMORY, /* the largest process of the load */
	METRIC_SWAP_IN,	    /* by the whole host */
	METRIC_SWAP_OUT,
	METRIC_KVM_EXITS, /* a second, of all guests (debugfs) */
	METRIC_KVM_FAULTS,
	METRIC_KVM_FLUSHES,
	METRIC_COUNT
};

enum metric_unit { UNIT_NONE, UNIT_SECONDS, UNIT_BYTES, UNIT_RATE };

struct metric {
	const char *name;  /* in exports: "wall_seconds" */
	const char *title; /* for people: "wall time" */
	enum metric_unit unit;
};
extern const struct metric metrics[METRIC_COUNT];

struct bench_run {
	unsigned block;		     /* counts from 1; 0: a warm-up run, which is not judged */
	unsigned position;	     /* in its block, from 0 */
	unsigned variant;	     /* index into the variants */
	double values[METRIC_COUNT]; /* NAN: not measured */
};

/* Observations during the bench, shown beside its result. */
enum bench_note {
	NOTE_GOVERNOR = 1 << 0, /* the processor's clock is not held at its top */
	NOTE_BUSY = 1 << 1,	/* the host was busy before the first run */
	NOTE_FAILED = 1 << 2,	/* the load failed, which ended the bench */
	NOTE_GUESTS = 1 << 3,	/* the load left guests running, which ended the bench */
	NOTE_STOPPED = 1 << 4,	/* by a signal */
	NOTE_BUDGET = 1 << 5,	/* the time was over */
	NOTE_SHADOW = 1 << 6,	/* a variant had guests run on the shadow MMU */
};
#define NOTE_COUNT 7
extern const char *const bench_note_names[NOTE_COUNT]; /* in exports: "governor" */

struct bench {
	char *host, *kernel;
	int64_t started; /* seconds since 1970 */
	struct strv variants;
	struct strv load; /* the command and its arguments */
	uint32_t seed;
	unsigned planned;      /* blocks; with looks: the most */
	bool looks;	       /* looked at after 10, 20 and 30 blocks, not only at the end */
	bool has_score;	       /* the score is judged, else the wall time */
	bool higher_is_better; /* of the score */
	unsigned notes;	       /* enum bench_note */
	struct bench_run *runs;
	size_t run_count;
};

void bench_free(struct bench *b);
struct bench_run *bench_add_run(struct bench *b); /* zeroed, all values NAN */
/* Blocks, from the first on, in which each variant has a run. */
size_t bench_blocks(const struct bench *b);
enum metric_id bench_metric(const struct bench *b);
/* The values of a metric of one variant, without warm-up runs, in order of blocks. To be freed. */
double *bench_values(const struct bench *b, size_t variant, enum metric_id metric,
		     size_t *ret_count);

/* ---- the order of runs, and when to stop ---- */

/*
 * The order of a block (from 1): uniform over all orders, and independent of all other blocks. ret
 * has room for `variants` numbers.
 */
void bench_order(uint32_t seed, unsigned block, size_t variants, unsigned *ret);

/*
 * The level of the interval: 95 %; with looks at least 97.79 %. More than one comparison share the
 * error.
 */
struct level bench_level(bool looks, size_t variants);

struct bench_limits {
	unsigned runs;	   /* so many blocks and one look; 0: looks after 10, 20 and 30 */
	double precision;  /* half-width that is enough, 0.01 is 1 %; 0: none */
	int64_t budget_ms; /* 0: none */
};

enum bench_stop { BENCH_GO_ON, BENCH_DONE, BENCH_SURE, BENCH_PRECISE, BENCH_NO_TIME };

struct bench_judgement;

/*
 * The next action after so many blocks, which took so long. judgement is that of all these blocks. With
 * a budget it goes on only where the next look can be reached within it.
 */
enum bench_stop bench_next(const struct bench_limits *limits, size_t blocks, int64_t elapsed_ms,
			   const struct bench_judgement *judgement);
/* The blocks at which bench_next() wants a judgement. */
bool bench_is_look(const struct bench_limits *limits, size_t blocks);

/* ---- judging ---- */

struct bench_verdict {
	size_t variant;	       /* against the first */
	struct interval ratio; /* of the values: this variant's to the first one's */
	struct interval gain;  /* of the speed or the score: 0.061 is 6.1 % faster */
};

struct bench_judgement {
	enum metric_id metric;
	bool higher_is_better;
	size_t blocks; /* that were judged */
	size_t hosts;  /* more than one: each is one block */
	struct level level;
	double drift; /* of the values over the whole bench: 0.1 is 10 % more at its end */
	size_t runs, outliers;
	double shortest; /* median wall seconds of the quickest variant; NAN: not known */
	double swapped;	 /* pages, in all runs */
	double steal;	 /* share of the host's CPU time */
	struct bench_verdict *verdicts;
	size_t verdict_count;
};

/* The trend of the logarithms, a run: the median slope between blocks. y is [block][variant]. */
double bench_trend(const double *y, size_t blocks, size_t variants);

/* Differences of the logarithms, variant b less variant 0, less the trend. ret: one a block. */
void bench_differences(const double *y, const unsigned *positions, size_t blocks, size_t variants,
		       size_t b, double trend, double *ret);

/*
 * Judges one bench, or several of the same variants and metric. Those of one host are taken
 * together; where there are more hosts, each gives one difference. -EINVAL: they do not go together,
 * or a value is not above 0; -E2BIG.
 */
int bench_judge(const struct bench *benches, size_t count, struct bench_judgement *ret,
		struct err *e);
void bench_judgement_free(struct bench_judgement *j);

/* ---- recorded benches: JSON, "kvmtune.bench.1" ---- */

void bench_write_json(const struct bench *b, const struct bench_judgement *j, struct buf *ret);
void bench_write_csv(const struct bench *b, struct buf *ret);
/* Reads the output of bench_write_json(). -EINVAL: not such output, with the reason. */
int bench_read_json(const char *text, struct bench *ret, struct err *e);

/* ---- presenting ---- */

/* "ept=off is 6.1 % faster than current (95.5 % sure: between 4.9 and 7.4 %)". */
void bench_sentence(const struct bench *b, const struct bench_judgement *j,
		    const struct bench_verdict *v, struct buf *ret);
/* Warnings with advice, a line each. */
void bench_warnings(const struct bench *benches, size_t count, const struct bench_judgement *j,
		    struct strv *ret);
/* Its text: a sentence or two. */
const char *bench_note_text(enum bench_note note);
/* Table, strip plot and sentences for a terminal so many columns wide. */
void bench_text(const struct bench *benches, size_t count, const struct bench_judgement *j,
		int columns, struct buf *ret);
void bench_write_markdown(const struct bench *benches, size_t count,
			  const struct bench_judgement *j, struct buf *ret);
void bench_svg(const struct bench *benches, size_t count, const struct bench_judgement *j,
	       struct buf *ret);
/* A value with its unit: "12.3 s", "1.5 GiB"; "-" for NAN. */
void bench_value_text(enum metric_unit unit, double value, struct buf *ret);

/* ---- the score of a load ---- */

struct bench_score {
	const char *regex; /* the first group, or all of the match, of the last match */
	const char
		*json_key; /* "a.b": a member of the last line that is a JSON object, or of all */
};

/* Finds the score in what the load printed. -EINVAL: there is none, and why. */
int bench_find_score(const struct bench_score *s, const char *output, double *ret, struct err *e);
/* Can this expression be used? -EINVAL where not. */
int bench_check_score(const struct bench_score *s, struct err *e);

#endif
