// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/json_string.h>

#include <string.h>

size_t utf8_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;

	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static char *clean(const char *text)
{
	struct buf b = { 0 };

	while (*text) {
		size_t len = utf8_length(text);

		if (len)
			buf_add(&b, text, len);
		else
			buf_puts(&b, "\xef\xbf\xbd");
		text += len ? len : 1;
	}
	return buf_steal(&b);
}

/* ---- any bytes as UTF-8 ---- */

/* Is it one of our letters? Its byte, else 0. */
static unsigned char kept_byte(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	if (strncmp(text, "\xf4\x8f", 2) != 0 || (s[2] != 0xbe && s[2] != 0xbf) ||
	    (s[3] & 0xc0) != 0x80)
		return 0;
	return 0x80 | (s[2] & 1u) << 6 | (s[3] & 0x3fu);
}

static void keep_byte(struct buf *b, unsigned char byte)
{
	const char letter[] = { '\xf4', '\x8f', (char)(0xbe | (byte >> 6 & 1)),
				(char)(0x80 | (byte & 0x3f)) };

	buf_add(b, letter, sizeof(letter));
}

static char *keep(const char *text)
{
	struct buf b = { 0 };

	while (*text) {
		size_t len = utf8_length(text);

		/* Of our own letters each byte is kept by itself. */
		if (len && !kept_byte(text)) {
			buf_add(&b, text, len);
			text += len;
		} else {
			keep_byte(&b, (unsigned char)*text++);
		}
	}
	return buf_steal(&b);
}

char *json_restored(const char *kept)
{
	struct buf b = { 0 };

	while (kept && *kept) {
		const char byte = (char)kept_byte(kept);

		buf_add(&b, byte ? &byte : kept, 1);
		kept += byte ? 4 : 1;
	}
	return kept ? buf_steal(&b) : NULL;
}

/* ---- objects ---- */

struct json_object *json_string(const char *text)
{
	autofree char *cleaned = clean(text);

	return json_object_new_string(cleaned);
}

void json_put(struct json_object *o, const char *key, struct json_object *value)
{
	autofree char *cleaned = clean(key);

	json_object_object_add(o, cleaned, value);
}

struct json_object *json_exact(const char *text)
{
	autofree char *kept = keep(text);

	return json_object_new_string(kept);
}

void json_put_exact(struct json_object *o, const char *key, const char *text)
{
	autofree char *kept = keep(key);

	if (text)
		json_object_object_add(o, kept, json_exact(text));
}
