// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/loader.h>

#include <kvmtune/setting.h>
#include <string.h>

#define BLANKS " \t\r"
#define SPACES " \t\r\n\v\f"

/* ---- words ---- */

static bool is_of_note(const char *word)
{
	static const char *const starts[] = {
		"kvm.",	    "kvm_intel.",	 "kvm-intel.",		"kvm_amd.",
		"kvm-amd.", "module_blacklist=", "modprobe.blacklist=", "transparent_hugepage=",
	};

	if (strpbrk(word, SPACES "\"'"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (starts_with(word, starts[i]))
			return true;
	/* What is behind it is for init. */
	return strcmp(word, "--") == 0;
}

/* A boot for repair: guests do not run there. */
static bool is_rescue(const char *word)
{
	static const char *const words[] = {
		"single",
		"recovery",
		"rescue",
		"emergency",
		"S",
		"1",
		"rd.break",
		"systemd.unit=rescue.target",
		"systemd.unit=emergency.target",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* Takes the next word off, without its quotes. False: there is none. */
static bool next_word(const char **at, struct buf *ret)
{
	const char *s = *at + strspn(*at, SPACES);
	char quote = 0;

	buf_reset(ret);
	if (!*s)
		return false;
	buf_puts(ret, "");
	for (; *s && (quote || !strchr(SPACES, *s)); s++) {
		if (*s == quote)
			quote = 0;
		else if (!quote && (*s == '"' || *s == '\''))
			quote = *s;
		else
			buf_add(ret, s, 1);
	}
	*at = s;
	return true;
}

static void part_free(struct loader_part *p)
{
	free(p->file);
	free(p->words);
	modconf_free(&p->conf);
}

static void entry_free(struct loader_entry *e)
{
	for (size_t i = 0; i < e->count; i++)
		part_free(&e->parts[i]);
	free(e->parts);
	*e = (struct loader_entry){ 0 };
}

/* A part of nothing of note is left out. False: the text is one for rescue. */
static bool add_part(struct loader_entry *e, const char *file, unsigned line, const char *text)
{
	autobuf words = { 0 }, word = { 0 };
	struct loader_part *p;

	while (next_word(&text, &word)) {
		if (is_rescue(buf_text(&word)))
			return false;
		if (is_of_note(buf_text(&word)))
			buf_join(&words, " ", buf_text(&word));
	}
	if (!words.len || e->count >= LOADER_VARS_MAX)
		return true;
	p = &array_push(e->parts, e->count);
	*p = (struct loader_part){ .file = xstrdup(file),
				   .line = line,
				   .words = buf_steal(&words) };
	modconf_add_cmdline(&p->conf, p->words);
	return true;
}

/* Takes the entry. */
static void add_entry(struct loader *b, struct loader_entry *e)
{
	if (b->count >= LOADER_ENTRIES_MAX) {
		b->too_many = true;
		entry_free(e);
		return;
	}
	array_push(b->entries, b->count) = *e;
	*e = (struct loader_entry){ 0 };
}

/* ---- GRUB's variables ---- */

static size_t name_length(const char *s)
{
	size_t n = 0;

	while (s[n] == '_' || (s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') ||
	       (n && s[n] >= '0' && s[n] <= '9'))
		n++;
	return n;
}

static struct loader_var *find_var(struct loader *b, const char *name, size_t len)
{
	for (size_t i = 0; i < b->var_count; i++)
		if (strlen(b->vars[i].name) == len && strncmp(b->vars[i].name, name, len) == 0)
			return &b->vars[i];
	return NULL;
}

/* Those that have to do with the command line: names end in "opts" or "params", or have "cmdline". */
static bool is_wanted_var(const char *name)
{
	return ends_with(name, "opts") || ends_with(name, "params") || strstr(name, "cmdline");
}

static void set_var(struct loader *b, const char *name, size_t len, const char *value)
{
	struct loader_var *v = find_var(b, name, len);
	autofree char *copy = xstrndup(name, len);

	if (!v && (!is_wanted_var(copy) || b->var_count == LOADER_VARS_MAX))
		return;
	if (!v) {
		v = &b->vars[b->var_count++];
		*v = (struct loader_var){ .name = xstrdup(copy) };
	}
	free(v->value);
	v->value = xstrdup(value);
}

/* Many lines may name one long value. */
static void add_value(struct loader *b, const char *value, struct buf *ret)
{
	size_t len = strlen(value);

	b->too_many |= len > LOADER_EXPANDED_MAX - b->expanded;
	if (b->too_many)
		return;
	b->expanded += len;
	buf_add(ret, value, len);
}

/* "$name" and "${name}"; one that is not set is empty, as GRUB has it. */
static void expand(struct loader *b, const char *text, struct buf *ret)
{
	while (*text) {
		const char *name = text + 1 + (text[1] == '{');
		size_t len = *text == '$' ? name_length(name) : 0;
		const struct loader_var *v = len ? find_var(b, name, len) : NULL;

		if (!len) {
			buf_add(ret, text++, 1);
			continue;
		}
		if (v)
			add_value(b, v->value, ret);
		text = name + len;
		text += *text == '}' && name[-1] == '{';
	}
}

/* One line off a text; NULL: there is no more. To be freed. */
static char *cut_line(const char **text)
{
	size_t len = strcspn(*text, "\n");
	char *line;

	if (!**text)
		return NULL;
	line = xstrndup(*text, len);
	*text += len + ((*text)[len] == '\n');
	return chomp(line);
}

void loader_add_grubenv(struct loader *b, const char *text)
{
	for (char *line; (line = cut_line(&text)); free(line)) {
		size_t len = name_length(line);

		if (len && line[len] == '=')
			set_var(b, line, len, line + len + 1);
	}
}

/* ---- grub.cfg ---- */

/* The rest of a line behind this first word, or NULL. */
static const char *behind(const char *line, const char *word)
{
	size_t len = strlen(word);

	line += strspn(line, BLANKS);
	if (strncmp(line, word, len) != 0 || !line[len] || !strchr(BLANKS, line[len]))
		return NULL;
	return line + len + strspn(line + len, BLANKS);
}

static void read_set(struct loader *b, const char *rest)
{
	size_t len = name_length(rest);
	autobuf raw = { 0 }, value = { 0 };
	const char *at = rest + len + 1;

	if (!len || rest[len] != '=')
		return;
	next_word(&at, &raw);
	expand(b, buf_text(&raw), &value);
	set_var(b, rest, len, buf_text(&value));
}

static const char *linux_arguments(const char *line)
{
	static const char *const words[] = { "linux", "linux16", "linuxefi" };
	const char *rest = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(words) && !rest; i++)
		rest = behind(line, words[i]);
	/* The first of them is the kernel. */
	return rest ? rest + strcspn(rest, BLANKS) : NULL;
}

void loader_add_grub_cfg(struct loader *b, const char *file, const char *text)
{
	unsigned number = 1;

	for (char *line; (line = cut_line(&text)); free(line), number++) {
		const char *arguments = linux_arguments(line), *set = behind(line, "set");
		struct loader_entry e = { 0 };
		autobuf expanded = { 0 };

		if (set)
			read_set(b, set);
		if (!arguments)
			continue;
		expand(b, arguments, &expanded);
		if (add_part(&e, file, number, buf_text(&expanded)))
			add_entry(b, &e);
		else
			entry_free(&e);
	}
}

/* ---- other files ---- */

void loader_add_bls(struct loader *b, const char *file, const char *text)
{
	struct loader_entry e = { 0 };
	bool is_entry = false, rescue = false;
	unsigned number = 1;

	for (char *line; (line = cut_line(&text)); free(line), number++) {
		const char *options = behind(line, "options");
		autobuf expanded = { 0 };

		is_entry |= behind(line, "linux") || behind(line, "efi") || behind(line, "uki");
		if (!options)
			continue;
		is_entry = true;
		expand(b, options, &expanded);
		rescue |= !add_part(&e, file, number, buf_text(&expanded));
	}
	if (is_entry && !rescue)
		add_entry(b, &e);
	entry_free(&e);
}

void loader_add_cmdline(struct loader *b, const char *file, const char *text)
{
	struct loader_entry e = { 0 };

	if (add_part(&e, file, 1, text))
		add_entry(b, &e);
	entry_free(&e);
}

/* ---- /etc/default/grub ---- */

#define LINUX	      "GRUB_CMDLINE_LINUX"
#define LINUX_DEFAULT "GRUB_CMDLINE_LINUX_DEFAULT"

struct value {
	struct buf text;
	bool appends; /* it begins with its own old value */
	bool unclear; /* it has what a shell would compute */
};

static bool is_blank(const struct buf *b)
{
	return strspn(buf_text(b), SPACES) == b->len;
}

/* "$NAME" of the variable itself; anything else that begins with "$" is not known. */
static const char *read_dollar(const char *s, const char *name, struct value *ret)
{
	bool braces = s[1] == '{';
	const char *start = s + 1 + braces;
	size_t len = name_length(start);

	if (strlen(name) == len && strncmp(start, name, len) == 0 && is_blank(&ret->text) &&
	    (!braces || start[len] == '}')) {
		ret->appends = true;
		return start + len + braces;
	}
	ret->unclear = true;
	return s + 1;
}

/* A word of the shell, without its quotes. Returns where it ends. */
static const char *read_value(const char *s, const char *name, struct value *ret)
{
	char quote = 0;

	while (*s && (quote || !strchr(SPACES ";", *s))) {
		if (quote != '\'' && *s == '\\' && s[1]) {
			if (s[1] != '\n')
				buf_add(&ret->text, s + 1, 1);
			s += 2;
		} else if (quote ? *s == quote : *s == '"' || *s == '\'') {
			quote = quote ? 0 : *s;
			s++;
		} else if (quote != '\'' && *s == '$') {
			s = read_dollar(s, name, ret);
		} else {
			ret->unclear |= quote != '\'' && *s == '`';
			buf_add(&ret->text, s++, 1);
		}
	}
	return s;
}

static const char *assign(struct grub_default *d, bool is_default, const char *file, unsigned line,
			  const char *s)
{
	struct loader_entry *e = is_default ? &d->linux_default : &d->linux_line;
	struct value value = { 0 };

	s = read_value(s, is_default ? LINUX_DEFAULT : LINUX, &value);
	if (!value.appends)
		entry_free(e);
	/* Whoever makes recovery the default boots it always. */
	add_part(e, file, line, buf_text(&value.text));
	e->unclear |= value.unclear;
	buf_free(&value.text);
	return s;
}

/* What a shell does by conditions, or reads from elsewhere, is not known. */
static bool is_computed(const char *line)
{
	static const char *const words[] = { "if", "case", "for", "while", ".", "source", "eval" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (behind(line, words[i]))
			return true;
	return false;
}

void grub_default_add(struct grub_default *d, const char *file, const char *text)
{
	unsigned line = 1;

	d->any = true;
	while (*text) {
		const char *s = text + strspn(text, BLANKS), *rest = behind(s, "export");
		size_t len;

		if (rest)
			s = rest;
		d->unclear |= is_computed(s);
		len = name_length(s);
		if (s[len] == '=' && len == strlen(LINUX) && starts_with(s, LINUX))
			s = assign(d, false, file, line, s + len + 1);
		else if (s[len] == '=' && len == strlen(LINUX_DEFAULT) &&
			 starts_with(s, LINUX_DEFAULT))
			s = assign(d, true, file, line, s + len + 1);
		s += strcspn(s, "\n");
		s += *s == '\n';
		for (; text < s; text++)
			line += *text == '\n';
	}
}

/* In this order (util/grub.d/10_linux.in). */
void loader_add_grub_default(struct loader *b, struct grub_default *d)
{
	struct loader_entry e = d->linux_line;

	for (size_t i = 0; i < d->linux_default.count; i++)
		array_push(e.parts, e.count) = d->linux_default.parts[i];
	e.unclear |= d->linux_default.unclear || d->unclear;
	free(d->linux_default.parts);
	if (d->any)
		add_entry(b, &e);
	entry_free(&e);
	*d = (struct grub_default){ 0 };
}

/* ---- questions ---- */

static const struct loader_part *find_last(const struct loader_entry *e, const char *module,
					   const char *param, struct modconf_token *ret)
{
	for (size_t i = e->count; i-- > 0;)
		if (modconf_winner(&e->parts[i].conf, module, param, ret))
			return &e->parts[i];
	return NULL;
}

void loader_say(const struct loader *b, const char *module, const char *param,
		struct loader_says *ret)
{
	*ret = (struct loader_says){ .same = true, .value = UNKNOWN };
	for (size_t i = 0; i < b->count; i++) {
		struct modconf_token t;
		const struct loader_part *p = find_last(&b->entries[i], module, param, &t);
		enum tri value = p ? param_bool(modconf_token_value(&t)) : UNKNOWN;

		ret->silent |= !p;
		ret->unclear |= b->entries[i].unclear || b->too_many;
		if (!p)
			continue;
		if (!ret->any) {
			ret->value = value;
			ret->file = p->file;
			ret->line = p->line;
		}
		ret->any = true;
		ret->same &= value != UNKNOWN && value == ret->value;
	}
}

enum tri loader_value(const struct loader_says *s, enum tri files)
{
	if (s->unclear)
		return UNKNOWN;
	if (!s->any)
		return files;
	if (!s->same || (s->silent && files != s->value))
		return UNKNOWN;
	return s->value;
}

static bool is_blacklisted(const struct loader_part *p, const char *const *modules, size_t n)
{
	if (modconf_kernel_list_has(p->words, "module_blacklist", modules, n))
		return true;
	for (size_t i = 0; i < n; i++)
		if (modconf_find(&p->conf, MODCONF_BLACKLIST, modules[i]))
			return true;
	return false;
}

const struct loader_part *loader_find_blacklist(const struct loader *b, const char *const *modules,
						size_t n)
{
	for (size_t i = 0; i < b->count; i++)
		for (size_t k = 0; k < b->entries[i].count; k++)
			if (is_blacklisted(&b->entries[i].parts[k], modules, n))
				return &b->entries[i].parts[k];
	return NULL;
}

static void part_words(const struct loader_part *p, size_t max, struct strv *words,
		       struct strv *places)
{
	const char *at = p->words;
	autobuf word = { 0 };

	while (words->n < max && next_word(&at, &word)) {
		strv_add(words, buf_text(&word));
		strv_addf(places, "%s:%u", p->file, p->line);
	}
}

void loader_words(const struct loader *b, size_t max, struct strv *ret_words,
		  struct strv *ret_places)
{
	for (size_t i = 0; i < b->count; i++)
		for (size_t k = 0; k < b->entries[i].count && ret_words->n < max; k++)
			part_words(&b->entries[i].parts[k], max, ret_words, ret_places);
}

void loader_free(struct loader *b)
{
	for (size_t i = 0; i < b->count; i++)
		entry_free(&b->entries[i]);
	free(b->entries);
	for (size_t i = 0; i < b->var_count; i++) {
		free(b->vars[i].name);
		free(b->vars[i].value);
	}
	*b = (struct loader){ 0 };
}
