// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unpack.c - reads compressed files, see unpack.h.
 */
#include "unpack.h"
#include "library.h"

#include <errno.h>
#include <lzma.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define UNPACKED_MAX ((size_t)64 << 20)
#define MEMORY_MAX   ((uint64_t)128 << 20) /* for the dictionary of xz */
#define CHUNK	     ((size_t)64 << 10)

struct stream {
	int fd;
	off_t at;
	struct buf *to;
	size_t in_len;
	unsigned char in[CHUNK], out[CHUNK];
};

/* The next part of the file in `in`. 0 or -errno; in_len 0: its end. */
static int fill(struct stream *s)
{
	ssize_t n;

	do
		n = pread(s->fd, s->in, sizeof(s->in), s->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	s->at += n;
	s->in_len = (size_t)n;
	return 0;
}

static int take(struct stream *s, size_t n)
{
	if (n > UNPACKED_MAX - s->to->len)
		return -EFBIG;
	buf_add(s->to, (const char *)s->out, n);
	return 0;
}

/* ---- xz ---- */

struct lzma {
	typeof(&lzma_stream_decoder) stream_decoder;
	typeof(&lzma_code) code;
	typeof(&lzma_end) end;
};

static const struct library_function lzma_functions[] = {
	{ "lzma_stream_decoder", offsetof(struct lzma, stream_decoder) },
	{ "lzma_code", offsetof(struct lzma, code) },
	{ "lzma_end", offsetof(struct lzma, end) },
};

DLOPEN_NOTE(lzma_note, "xz", "Reads kernel modules that are compressed with xz", "recommended",
	    "liblzma.so.5");

static const struct library liblzma = {
	.soname = "liblzma.so.5",
	.failure = "cannot read files compressed with xz",
	.packages = "liblzma5 or xz-libs",
	.functions = lzma_functions,
	.count = ARRAY_SIZE(lzma_functions),
};

static int decode_xz(struct stream *s, const struct lzma *f, lzma_stream *l)
{
	lzma_ret state = LZMA_OK;
	int r = 0;

	while (r == 0 && state == LZMA_OK) {
		if (!l->avail_in) {
			r = fill(s);
			l->next_in = s->in;
			l->avail_in = s->in_len;
		}
		if (r < 0)
			return r;
		l->next_out = s->out;
		l->avail_out = sizeof(s->out);
		state = f->code(l, s->in_len ? LZMA_RUN : LZMA_FINISH);
		r = take(s, sizeof(s->out) - l->avail_out);
	}
	return r < 0 ? r : state == LZMA_STREAM_END ? 0 : -ENOEXEC;
}

static int unpack_xz(struct stream *s, struct err *e)
{
	lzma_stream l = LZMA_STREAM_INIT;
	struct lzma f;
	int r;

	if (library_load(&liblzma, &f, e) < 0)
		return e->code;
	if (f.stream_decoder(&l, MEMORY_MAX, 0) != LZMA_OK)
		return -ENOMEM;
	r = decode_xz(s, &f, &l);
	f.end(&l);
	return r;
}

/* ---- zstd ---- */

struct zstd {
	typeof(&ZSTD_createDStream) createDStream;
	typeof(&ZSTD_decompressStream) decompressStream;
	typeof(&ZSTD_isError) isError;
	typeof(&ZSTD_freeDStream) freeDStream;
};

static const struct library_function zstd_functions[] = {
	{ "ZSTD_createDStream", offsetof(struct zstd, createDStream) },
	{ "ZSTD_decompressStream", offsetof(struct zstd, decompressStream) },
	{ "ZSTD_isError", offsetof(struct zstd, isError) },
	{ "ZSTD_freeDStream", offsetof(struct zstd, freeDStream) },
};

DLOPEN_NOTE(zstd_note, "zstd", "Reads kernel modules that are compressed with zstd", "recommended",
	    "libzstd.so.1");

static const struct library libzstd = {
	.soname = "libzstd.so.1",
	.failure = "cannot read files compressed with zstd",
	.packages = "libzstd1 or libzstd",
	.functions = zstd_functions,
	.count = ARRAY_SIZE(zstd_functions),
};

/* A frame that ends before the file does is followed by another, or by nothing that belongs to it. */
static int decode_zstd(struct stream *s, const struct zstd *f, ZSTD_DStream *d)
{
	ZSTD_inBuffer in = { .src = s->in };
	size_t left = 1;
	int r = 0;

	while (r == 0 && left) {
		ZSTD_outBuffer out = { .dst = s->out, .size = sizeof(s->out) };

		if (in.pos == in.size) {
			r = fill(s);
			in.size = s->in_len;
			in.pos = 0;
		}
		if (r < 0)
			return r;
		left = f->decompressStream(d, &out, &in);
		if (f->isError(left) || (!s->in_len && !out.pos))
			return -ENOEXEC;
		r = take(s, out.pos);
	}
	return r;
}

static int unpack_zstd(struct stream *s, struct err *e)
{
	ZSTD_DStream *d;
	struct zstd f;
	int r;

	if (library_load(&libzstd, &f, e) < 0)
		return e->code;
	d = f.createDStream();
	if (!d)
		return -ENOMEM;
	r = decode_zstd(s, &f, d);
	f.freeDStream(d);
	return r;
}

/* ---- gzip ---- */

struct gzip {
	typeof(&inflateInit2_) init2_;
	typeof(&inflate) inflate;
	typeof(&inflateEnd) end;
};

static const struct library_function gzip_functions[] = {
	{ "inflateInit2_", offsetof(struct gzip, init2_) },
	{ "inflate", offsetof(struct gzip, inflate) },
	{ "inflateEnd", offsetof(struct gzip, end) },
};

DLOPEN_NOTE(gzip_note, "gzip", "Reads kernel modules that are compressed with gzip", "recommended",
	    "libz.so.1");

static const struct library libz = {
	.soname = "libz.so.1",
	.failure = "cannot read files compressed with gzip",
	.packages = "zlib1g or zlib",
	.functions = gzip_functions,
	.count = ARRAY_SIZE(gzip_functions),
};

static int decode_gzip(struct stream *s, const struct gzip *f, z_stream *z)
{
	int state = Z_OK, r = 0;

	while (r == 0 && state == Z_OK) {
		if (!z->avail_in) {
			r = fill(s);
			z->next_in = s->in;
			z->avail_in = (unsigned)s->in_len;
		}
		if (r < 0)
			return r;
		z->next_out = s->out;
		z->avail_out = sizeof(s->out);
		state = f->inflate(z, Z_NO_FLUSH);
		r = take(s, sizeof(s->out) - z->avail_out);
	}
	return r < 0 ? r : state == Z_STREAM_END ? 0 : -ENOEXEC;
}

static int unpack_gzip(struct stream *s, struct err *e)
{
	z_stream z = { 0 };
	struct gzip f;
	int r;

	if (library_load(&libz, &f, e) < 0)
		return e->code;
	/* 16: with the header of gzip */
	if (f.init2_(&z, 16 + MAX_WBITS, ZLIB_VERSION, (int)sizeof(z)) != Z_OK)
		return -ENOMEM;
	r = decode_gzip(s, &f, &z);
	f.end(&z);
	return r;
}

/* ---- which it is ---- */

static const struct {
	const char *magic;
	size_t len;
	int (*unpack)(struct stream *s, struct err *e);
} formats[] = {
	{ "\xfd\x37zXZ", 6, unpack_xz }, /* with its NUL */
	{ "\x28\xb5\x2f\xfd", 4, unpack_zstd },
	{ "\x1f\x8b", 2, unpack_gzip },
};

int unpack_file(int fd, struct buf *ret, struct err *e)
{
	autofree struct stream *s = xcalloc(1, sizeof(*s));
	unsigned char magic[6] = { 0 };
	ssize_t n = pread(fd, magic, sizeof(magic), 0);
	int r;

	if (n < 0)
		return err_sys(e, -errno, "cannot be read");
	s->fd = fd;
	s->to = ret;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (memcmp(magic, formats[i].magic, formats[i].len) != 0)
			continue;
		r = formats[i].unpack(s, e);
		return r < 0 && !e->code ? err_sys(e, r, "cannot be unpacked") : r;
	}
	return 1;
}
