// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/err.h>

#include <stdio.h>
#include <string.h>

PRINTF(3, 0)
static int set_text(struct err *e, int code, const char *fmt, va_list ap)
{
	*e = (struct err){ .code = code > 0 ? -code : code, .status = STATUS_FAILED };
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	return e->code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	code = set_text(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_sys(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	code = set_text(e, code, fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	snprintf(e->text + len, sizeof(e->text) - len, ": %s", strerror(-code));
	return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char context[256], old[sizeof(e->text)];
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	memcpy(old, e->text, sizeof(old));
	snprintf(e->text, sizeof(e->text), "%s: ", context);
	len = strlen(e->text);
	snprintf(e->text + len, sizeof(e->text) - len, "%s", old);
	return e->code;
}

int err_status(struct err *e, enum exit_status status, const char *id)
{
	e->status = status;
	snprintf(e->id, sizeof(e->id), "%s", id);
	return e->code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return e->code;
}

void err_clear(struct err *e)
{
	*e = (struct err){ 0 };
}
