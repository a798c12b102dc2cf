/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base.h - shared by every layer: tri-state facts, growing text, lists of words, cleanup.
 *
 * Memory: these helpers end the program with a message when memory runs out. That is safe because
 * each step and its undo are in the journal before the host is touched. A running change sets
 * out_of_memory_status(), because the host may be in between from then on.
 *
 * Ownership: a struct buf or strv is made with { 0 } and freed by its _free function, or by itself
 * at the end of its block when declared with autobuf / autostrv.
 */
#ifndef KVMTUNE_BASE_H
#define KVMTUNE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define MUST_CHECK    __attribute__((warn_unused_result))

/* A fact that may be unknown. In JSON: null, false, true. */
enum tri { UNKNOWN = -1, NO = 0, YES = 1 };

const char *tri_name(enum tri t); /* "unknown", "no", "yes" */

/* Cleanup at the end of a block. */
void freep(void *p);
void closep(const int *fd);
#define autofree  __attribute__((cleanup(freep)))
#define autoclose __attribute__((cleanup(closep)))

/* Allocation that cannot fail: see the note on memory above. */
void out_of_memory_status(int status); /* with which the program ends then; at first 1 */
void *xcalloc(size_t n, size_t size);
void *xrealloc_array(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

/* Makes room for one more element and returns it, zeroed. */
#define array_push(array, count)                                                                   \
	(*(typeof(array))array_grow((void **)&(array), &(count), sizeof(*(array))))
void *array_grow(void **array, size_t *count, size_t size);

/* Growing text: data is NUL-terminated whenever len > 0; buf_text() is never NULL. */
struct buf {
	char *data;
	size_t len, cap;
};
void buf_add(struct buf *b, const char *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF(2, 0);
/* Appends s behind sep, without sep where b is still empty. */
void buf_join(struct buf *b, const char *sep, const char *s);
const char *buf_text(const struct buf *b);
char *buf_steal(struct buf *b); /* the caller frees it; b is empty again */
void buf_reset(struct buf *b);	/* empty, memory kept */
void buf_free(struct buf *b);
#define autobuf __attribute__((cleanup(buf_free))) struct buf

/* A list of words; each is owned by the list. */
struct strv {
	char **v;
	size_t n;
};
void strv_add(struct strv *s, const char *word);
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF(2, 3);
void strv_add_words(struct strv *s, const struct buf *text); /* each ends with a NUL */
bool strv_has(const struct strv *s, const char *word);
void strv_sort(struct strv *s); /* by strcmp */
void strv_free(struct strv *s);
#define autostrv __attribute__((cleanup(strv_free))) struct strv
#define strv_foreach(word, s)                                                                      \
	for (size_t word##_i = 0; word##_i < (s)->n && ((word) = (s)->v[word##_i], 1); word##_i++)

/* Whole-string numbers in base 10 (u64 takes 0x too): 0, -EINVAL or -ERANGE; *ret as it was then. */
int parse_u64(const char *s, uint64_t *ret) MUST_CHECK;
int parse_int(const char *s, int *ret) MUST_CHECK;

/*
 * Time spans as people type them: "90", "90s", "5m", "2h", "1d"; result in milliseconds.
 * 0, -EINVAL or -ERANGE.
 */
int parse_time_ms(const char *s, int64_t *ret_ms) MUST_CHECK;

/*
 * Sizes as people type them: "512M", "2G", "2GiB", "1048576" (bytes); K, M, G, T are powers of
 * 1024. 0, -EINVAL or -ERANGE.
 */
int parse_size(const char *s, uint64_t *ret_bytes) MUST_CHECK;

/*
 * Text of unknown origin (process names, file contents) made safe for a terminal: bytes that are
 * not printable ASCII appear as \xHH, at most max bytes of s are shown, with "..." behind.
 */
void buf_add_safe(struct buf *b, const char *s, size_t max);
char *safe_text(const char *s, size_t max);

/* s without white space at its end, in place. Returns s. */
char *chomp(char *s);
bool starts_with(const char *s, const char *prefix);
bool ends_with(const char *s, const char *end);
const char *last_part(const char *path); /* behind the last slash */

/* Does this negative errno, of a path, say that nothing is there? A loop of links leads nowhere. */
bool error_is_absence(int r);

#endif
