// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/modconf.h>

#include <fnmatch.h>
#include <string.h>

#define BLANKS	    " \t"	  /* what parts the words of a line in modprobe.d */
#define SPACES	    " \t\n\v\f\r" /* what parts the words of the kernel command line */
#define CMDLINE_MAX 4095
/* isspace() of the kernel knows the no-break space of Latin-1, too. */
#define KERNEL_SPACES SPACES "\xa0"

const char *const modconf_dirs[] = {
	"/etc/modprobe.d",     "/run/modprobe.d", "/usr/local/lib/modprobe.d",
	"/usr/lib/modprobe.d", "/lib/modprobe.d", NULL,
};

/* Which file. */

bool modconf_is_config_name(const char *name)
{
	return name[0] != '.' && (ends_with(name, ".conf") || ends_with(name, ".alias"));
}

static int compare_names(const void *a, const void *b)
{
	const struct modconf_name *left = a, *right = b;
	int by_name = strcmp(left->name, right->name);

	return by_name ? by_name : (left->dir > right->dir) - (left->dir < right->dir);
}

size_t modconf_select(struct modconf_name *names, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++) {
		struct modconf_name candidate = names[i];

		if (kept && strcmp(names[kept - 1].name, candidate.name) == 0)
			continue;
		names[i] = names[kept];
		names[kept++] = candidate;
	}
	return kept;
}

/* Reading lines and words. */

struct source {
	const char *path;
	unsigned line;
};

/* Texts live as long as the configuration does. */
static char *keep_text(struct modconf *c, char *text)
{
	return array_push(c->texts, c->text_count) = text;
}

static void add_line(struct modconf *c, const struct source *at, enum modconf_kind kind,
		     const char *module, const char *value)
{
	array_push(c->lines, c->count) = (struct modconf_line){
		.kind = kind, .line = at->line, .file = at->path, .module = module, .value = value
	};
}

static void add_options(struct modconf *c, const struct source *at, const char *module, char *value)
{
	for (char *p = strchr(value, '\t'); p; p = strchr(p, '\t'))
		*p = ' ';
	add_line(c, at, MODCONF_OPTIONS, module, value);
}

/* '-' becomes '_' outside of brackets. False: there is no word, or its brackets do not match. */
static bool normalize(char *word)
{
	if (!word)
		return false;
	for (; *word; word++) {
		if (*word == '-')
			*word = '_';
		else if (*word == '[')
			word = strchr(word, ']');
		else if (*word == ']')
			return false;
		if (!word)
			return false;
	}
	return true;
}

/* Takes the first word off *rest, and one blank behind it: more of them belong to the value. */
static char *cut_word(char **rest)
{
	char *word = *rest + strspn(*rest, BLANKS);
	char *end = word + strcspn(word, BLANKS);

	*rest = *end ? end + 1 : end;
	*end = '\0';
	return *word ? word : NULL;
}

static bool find_kind(const char *word, enum modconf_kind *ret)
{
	static const char *const directives[] = {
		[MODCONF_OPTIONS] = "options",	   [MODCONF_ALIAS] = "alias",
		[MODCONF_BLACKLIST] = "blacklist", [MODCONF_INSTALL] = "install",
		[MODCONF_REMOVE] = "remove",	   [MODCONF_SOFTDEP] = "softdep",
	};

	for (size_t i = 0; word && i < ARRAY_SIZE(directives); i++) {
		if (strcmp(directives[i], word) == 0) {
			*ret = (enum modconf_kind)i;
			return true;
		}
	}
	return false;
}

/* A comment needs no care: "#" or what it begins is no directive. */
static void add_directive(struct modconf *c, const struct source *at, char *rest)
{
	enum modconf_kind kind;
	char *module, *target;

	if (!find_kind(cut_word(&rest), &kind))
		return;
	module = cut_word(&rest);
	if (!normalize(module))
		return;
	if (kind == MODCONF_BLACKLIST) {
		add_line(c, at, kind, module, "");
	} else if (kind == MODCONF_ALIAS) {
		target = cut_word(&rest);
		if (normalize(target))
			add_line(c, at, kind, module, target);
	} else if (kind == MODCONF_OPTIONS && *rest) {
		add_options(c, at, module, rest);
	} else if (*rest) {
		add_line(c, at, kind, module, rest);
	}
}

struct reader {
	const char *text, *end;
	unsigned lines; /* that many have been read */
	char *logical;	/* the line at hand, continuations joined */
	char *end_of_logical;
};

/*
 * A backslash always vanishes: with the newline behind it, or leaving the byte behind it. At the
 * end of a file libkmod 30 takes EOF for such a byte and keeps 0xff; newer ones keep nothing.
 */
static bool next_line(struct reader *r)
{
	char *out = r->logical = r->end_of_logical;

	while (r->text < r->end) {
		char byte = *r->text++;
		bool escaped = byte == '\\';

		if (escaped)
			byte = r->text < r->end ? *r->text++ : '\xff';
		r->lines += byte == '\n';
		if (byte != '\n') {
			*out++ = byte;
		} else if (!escaped) {
			*out = '\0';
			r->end_of_logical = out + 1;
			return true;
		}
	}
	*out = '\0';
	r->end_of_logical = out;
	return out > r->logical;
}

/* The path and all lines of a file share one block: a line is never longer than it was written. */
void modconf_add_file(struct modconf *c, const char *path, const char *text, size_t len)
{
	size_t path_size = strlen(path) + 1, before = c->count;
	char *block = xcalloc(path_size + len + 1, 1);
	struct reader r = { .text = text, .end = text + len, .end_of_logical = block + path_size };
	struct source at = { block, 1 };

	memcpy(block, path, path_size);
	/* A NUL hides the rest of its line: from here on the line is a C string. */
	for (; next_line(&r); at.line = r.lines + 1)
		add_directive(c, &at, r.logical);
	if (c->count > before)
		keep_text(c, block);
	else
		free(block);
}

/* The first white space outside of double quotes. Sets *quoted when a quote is still open there. */
static char *find_word_end(char *s, const char *spaces, bool *quoted)
{
	for (; *s && (*quoted || !strchr(spaces, *s)); s++)
		*quoted ^= *s == '"';
	return s;
}

/* libkmod adds these names as they stand: one with '-' never matches a module. */
static void add_cmdline_blacklist(struct modconf *c, const struct source *at, char *names)
{
	char *name;

	while ((name = strsep(&names, ",")))
		add_line(c, at, MODCONF_BLACKLIST, name, "");
}

/* module.param[=value]; boot loaders also write "module.param=value" for param="value". */
static void add_cmdline_word(struct modconf *c, char *word)
{
	static const struct source at = { MODCONF_CMDLINE, 0 };
	static const char stops[] = ".=\"" SPACES, blacklist[] = "blacklist=";
	bool quoted = word[0] == '"';
	char *module = word + quoted;
	char *param = module + strcspn(module, stops);
	char *options;
	size_t len;

	if (*param != '.')
		return;
	*param++ = '\0';
	len = strcspn(param, stops);
	if (param[len] && param[len++] != '=')
		return;
	options = keep_text(
		c, xasprintf("%.*s%s%s", (int)len, param, quoted ? "\"" : "", param + len));
	if (strcmp(module, "modprobe") == 0 && starts_with(options, blacklist))
		add_cmdline_blacklist(c, &at, options + strlen(blacklist));
	else if (normalize(module))
		add_options(c, &at, module, options);
}

void modconf_add_cmdline(struct modconf *c, const char *text)
{
	char *copy = keep_text(c, xstrndup(text, CMDLINE_MAX));
	char *word = copy + strspn(copy, SPACES);

	while (*word) {
		bool quoted = false;
		char *end = find_word_end(word, SPACES, &quoted);
		char *next = end + strspn(end, SPACES);

		*end = '\0';
		/* A quote that never closes runs to the end and spoils its word. */
		if (!quoted)
			add_cmdline_word(c, word);
		word = next;
	}
}

char *modconf_kernel_words(const char *cmdline)
{
	char *copy = xstrdup(cmdline), *word = copy + strspn(copy, SPACES);

	while (*word) {
		bool quoted = false;
		char *end = find_word_end(word, SPACES, &quoted);

		if (end - word == 2 && strncmp(word, "--", 2) == 0) {
			*word = '\0';
			break;
		}
		word = end + strspn(end, SPACES);
	}
	return copy;
}

bool modconf_kernel_list_has(const char *words, const char *name, const char *const *any, size_t n)
{
	autofree char *copy = xstrdup(words);
	char *rest = copy, *word, *list;
	size_t len = strlen(name);

	while ((word = strsep(&rest, SPACES))) {
		if (strncmp(word, name, len) != 0 || word[len] != '=')
			continue;
		list = word + len + 1;
		while ((word = strsep(&list, ",")))
			for (size_t i = 0; i < n; i++)
				if (strcmp(word, any[i]) == 0)
					return true;
	}
	return false;
}

const char *modconf_token_value(const struct modconf_token *t)
{
	return t->has_value ? t->value : "1";
}

void modconf_free(struct modconf *c)
{
	for (size_t i = 0; i < c->text_count; i++)
		free(c->texts[i]);
	free(c->texts);
	free(c->lines);
	*c = (struct modconf){ 0 };
}

/* Questions. */

static char *use_underscores(char *s)
{
	for (char *p = strchr(s, '-'); p; p = strchr(p, '-'))
		*p = '_';
	return s;
}

/* A module's name as libkmod looks it up: it ends at a dot, as in kvm-intel.ko. */
static char *lookup_name(const char *module)
{
	return use_underscores(xstrndup(module, strcspn(module, ".")));
}

static bool gives_options(const struct modconf_line *l, const char *name)
{
	return l->kind == MODCONF_OPTIONS && *l->value && strcmp(l->module, name) == 0;
}

char *modconf_options(const struct modconf *c, const char *module)
{
	autofree char *name = lookup_name(module);
	struct buf joined = { 0 };

	for (size_t i = 0; i < c->count; i++)
		if (gives_options(&c->lines[i], name))
			buf_join(&joined, " ", c->lines[i].value);
	return joined.len ? buf_steal(&joined) : NULL;
}

static void copy_cut(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

/* Fills t, except for at, with the word at s, and returns where the kernel reads on. */
static char *cut_kernel_word(char *s, struct modconf_token *t)
{
	bool whole = *s == '"', quoted = whole;
	char *param = s + whole;
	char *end = find_word_end(param, KERNEL_SPACES, &quoted);
	char *next = end + strspn(end, KERNEL_SPACES);
	/* '=' in the first place is a letter like others to the kernel. */
	char *equals = end > param ? memchr(param + 1, '=', (size_t)(end - param - 1)) : NULL;
	char *value = equals ? equals + 1 : end;
	bool value_quoted = equals && *value == '"';

	*end = '\0';
	if ((whole || value_quoted) && end > param && end[-1] == '"')
		end[-1] = '\0';
	if (equals)
		*equals = '\0';
	t->has_value = equals;
	copy_cut(t->param, sizeof(t->param), param);
	copy_cut(t->value, sizeof(t->value), value + value_quoted);
	return next;
}

/* Walks the lines that make up the joined options, to tell which one a place in them is from. */
struct origin {
	const struct modconf *c;
	const char *name;
	size_t next; /* lines[next..] have not been looked at */
	size_t end;  /* where the part of lines[next - 1] ends, with the blank behind it */
};

static const struct modconf_line *origin_at(struct origin *o, size_t offset)
{
	while (offset >= o->end) {
		const struct modconf_line *l = &o->c->lines[o->next++];

		if (gives_options(l, o->name))
			o->end += strlen(l->value) + 1;
	}
	return &o->c->lines[o->next - 1];
}

static bool is_end_of_options(const struct modconf_token *t)
{
	return !t->has_value && strcmp(t->param, "--") == 0;
}

/*
 * The kernel gets one text, so it is the joined text that is split: a quote left open in one line
 * swallows the lines behind it, and "--" (since 3.15) makes the kernel ignore all that follows.
 */
void modconf_each_option(const struct modconf *c, const char *module,
			 bool (*each)(const struct modconf_token *t, void *arg), void *arg)
{
	autofree char *name = lookup_name(module);
	autofree char *text = modconf_options(c, module);
	struct origin origin = { .c = c, .name = name };
	char *word = text ? text + strspn(text, KERNEL_SPACES) : NULL;

	while (word && *word) {
		struct modconf_token t = { .at = origin_at(&origin, (size_t)(word - text)) };

		word = cut_kernel_word(word, &t);
		if (is_end_of_options(&t))
			return;
		use_underscores(t.param);
		if (!each(&t, arg))
			return;
	}
}

struct wanted {
	const char *param;
	struct modconf_token *ret;
	bool found;
};

static bool keep_if_wanted(const struct modconf_token *t, void *arg)
{
	struct wanted *w = arg;

	if (strcmp(t->param, w->param) == 0) {
		*w->ret = *t;
		w->found = true;
	}
	return true;
}

bool modconf_winner(const struct modconf *c, const char *module, const char *param,
		    struct modconf_token *ret)
{
	autofree char *name = use_underscores(xstrdup(param));
	struct wanted w = { .param = name, .ret = ret };

	modconf_each_option(c, module, keep_if_wanted, &w);
	return w.found;
}

/* In install, remove, softdep and alias lines libkmod takes the first word for a pattern. */
static bool is_about(const struct modconf_line *l, const char *name)
{
	if (l->kind == MODCONF_OPTIONS || l->kind == MODCONF_BLACKLIST)
		return strcmp(l->module, name) == 0;
	return fnmatch(l->module, name, 0) == 0;
}

const struct modconf_line *modconf_find(const struct modconf *c, enum modconf_kind kind,
					const char *module)
{
	/* Aliases may have dots in their names. */
	autofree char *name =
		kind == MODCONF_ALIAS ? use_underscores(xstrdup(module)) : lookup_name(module);

	for (size_t i = 0; i < c->count; i++)
		if (c->lines[i].kind == kind && is_about(&c->lines[i], name))
			return &c->lines[i];
	return NULL;
}

static bool is_plain_alias(const struct modconf_line *l, const char *target)
{
	return l->kind == MODCONF_ALIAS && strcmp(l->value, target) == 0 &&
	       !strpbrk(l->module, "*?[\\");
}

bool modconf_is_alias(const struct modconf *c, const char *name, const char *module)
{
	autofree char *alias = use_underscores(xstrdup(name));
	autofree char *target = lookup_name(module);

	for (size_t i = 0; i < c->count; i++)
		if (is_plain_alias(&c->lines[i], target) && strcmp(c->lines[i].module, alias) == 0)
			return true;
	return false;
}

void modconf_aliases(const struct modconf *c, const char *module, struct strv *ret)
{
	autofree char *target = lookup_name(module);

	for (size_t i = 0; i < c->count; i++)
		if (is_plain_alias(&c->lines[i], target))
			strv_add(ret, c->lines[i].module);
	strv_sort(ret);
}
