// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/base.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *tri_name(enum tri t)
{
	return t == YES ? "yes" : t == NO ? "no" : "unknown";
}

void freep(void *p)
{
	free(*(void **)p);
}

void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int exit_without_memory = 1;

void out_of_memory_status(int status)
{
	exit_without_memory = status;
}

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "kvmtune: out of memory. Check the host:  kvmtune status\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(exit_without_memory);
	_exit(exit_without_memory);
}

static void *must(void *p)
{
	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc_array(void *p, size_t n, size_t size)
{
	return must(reallocarray(p, n ? n : 1, size));
}

char *xstrdup(const char *s)
{
	return must(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	return buf_steal(&b);
}

void *array_grow(void **array, size_t *count, size_t size)
{
	char *item;

	/* A power of two is full: double. The capacity needs no place of its own. */
	if ((*count & (*count - 1)) == 0)
		*array = xrealloc_array(*array, *count ? *count * 2 : 1, size);
	item = (char *)*array + *count * size;
	memset(item, 0, size);
	(*count)++;
	return item;
}

static void buf_reserve(struct buf *b, size_t more)
{
	size_t need = b->len + more + 1;

	if (need <= b->cap)
		return;
	b->cap = b->cap * 2 > need ? b->cap * 2 : need < 64 ? 64 : need;
	b->data = xrealloc_array(b->data, b->cap, 1);
}

void buf_add(struct buf *b, const char *data, size_t len)
{
	buf_reserve(b, len);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		return;
	buf_reserve(b, (size_t)len);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
	b->len += (size_t)len;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_join(struct buf *b, const char *sep, const char *s)
{
	if (b->len)
		buf_puts(b, sep);
	buf_puts(b, s);
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_steal(struct buf *b)
{
	char *text = b->data ? b->data : xstrdup("");

	*b = (struct buf){ 0 };
	return text;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void strv_add(struct strv *s, const char *word)
{
	array_push(s->v, s->n) = xstrdup(word);
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	autobuf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	strv_add(s, buf_text(&b));
}

void strv_add_words(struct strv *s, const struct buf *text)
{
	const char *word = buf_text(text), *end = word + text->len;

	for (; word < end; word += strlen(word) + 1)
		strv_add(s, word);
}

bool strv_has(const struct strv *s, const char *word)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i], word) == 0)
			return true;
	return false;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare_words);
}

void strv_free(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){ 0 };
}

int parse_u64(const char *s, uint64_t *ret)
{
	char *end;
	uint64_t value;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(s, &end, s[0] == '0' && (s[1] | 32) == 'x' ? 16 : 10);
	if (*end || end == s)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_int(const char *s, int *ret)
{
	bool negative = *s == '-';
	uint64_t value;
	int r = parse_u64(s + negative, &value);

	if (r < 0)
		return r;
	if (value > INT32_MAX)
		return -ERANGE;
	*ret = negative ? -(int)value : (int)value;
	return 0;
}

int parse_time_ms(const char *s, int64_t *ret_ms)
{
	static const struct {
		const char *suffix;
		int64_t ms;
	} units[] = { { "ms", 1 },	{ "s", 1000 },	   { "m", 60000 }, { "min", 60000 },
		      { "h", 3600000 }, { "d", 86400000 }, { "", 1000 } };
	size_t digits = strspn(s, "0123456789");
	autofree char *number = xstrndup(s, digits);
	uint64_t value;

	if (parse_u64(number, &value) < 0)
		return digits ? -ERANGE : -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(s + digits, units[i].suffix) != 0)
			continue;
		if (value > (uint64_t)(INT64_MAX / units[i].ms))
			return -ERANGE;
		*ret_ms = (int64_t)value * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

/* Behind the digits: nothing, or a letter with or without "B" or "iB"; all are powers of 1024. */
static int parse_unit(const char *s, unsigned *ret_shift)
{
	static const char letters[] = "KMGTP";
	const char *letter = *s ? strchr(letters, *s >= 'a' ? *s - 'a' + 'A' : *s) : NULL;

	if (*s && !letter)
		return -EINVAL;
	if (*s && s[1] && strcasecmp(s + 1, "B") != 0 && strcasecmp(s + 1, "iB") != 0)
		return -EINVAL;
	*ret_shift = letter ? 10 * (unsigned)(letter - letters + 1) : 0;
	return 0;
}

int parse_size(const char *s, uint64_t *ret_bytes)
{
	size_t digits = strspn(s, "0123456789");
	autofree char *number = xstrndup(s, digits);
	unsigned shift;
	uint64_t value;

	if (!digits || parse_unit(s + digits, &shift) < 0)
		return -EINVAL;
	if (parse_u64(number, &value) < 0 || value > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_bytes = value << shift;
	return 0;
}

void buf_add_safe(struct buf *b, const char *s, size_t max)
{
	for (size_t i = 0; s[i]; i++) {
		if (i == max) {
			buf_puts(b, "...");
			return;
		}
		if (s[i] >= 0x20 && s[i] < 0x7f)
			buf_add(b, s + i, 1);
		else
			buf_printf(b, "\\x%02x", (unsigned char)s[i]);
	}
}

char *safe_text(const char *s, size_t max)
{
	struct buf b = { 0 };

	buf_add_safe(&b, s, max);
	return buf_steal(&b);
}

char *chomp(char *s)
{
	size_t len = strlen(s);

	while (len && strchr(" \t\r\n", s[len - 1]))
		s[--len] = '\0';
	return s;
}

bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), end_len = strlen(end);

	return len >= end_len && strcmp(s + len - end_len, end) == 0;
}

bool error_is_absence(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -ENAMETOOLONG;
}

const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
