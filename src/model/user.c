// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * user.c - what a command line and a cgroup tell about the guest of a process.
 *
 * Everything read here was written by others: odd, cut or hostile words give no name and no
 * number, never a failure.
 */
#include <kvmtune/user.h>

#include <string.h>

/* More than any hypervisor can start: such a number is not one of processors. */
#define VCPUS_MAX 65536

enum program_kind { PROGRAM_OTHER, PROGRAM_QEMU, PROGRAM_CROSVM, PROGRAM_LKVM };

bool user_has_guest(const struct kvm_user *u)
{
	return u->vm_fds || u->vcpu_fds || u->vcpus_mapped;
}

static char *program_name(const struct kvm_user *u)
{
	const char *path = u->args.n ? u->args.v[0] : "";
	const char *name = last_part(path);

	return xstrdup(*name ? name : u->comm ? u->comm : "");
}

static enum program_kind kind_of(const char *program)
{
	/* "kvm" is what Proxmox and older Debian call QEMU. */
	if (starts_with(program, "qemu") || strcmp(program, "kvm") == 0)
		return PROGRAM_QEMU;
	if (starts_with(program, "crosvm"))
		return PROGRAM_CROSVM;
	if (starts_with(program, "lkvm") || strcmp(program, "kvmtool") == 0)
		return PROGRAM_LKVM;
	return PROGRAM_OTHER;
}

/*
 * The value of an option in one word ("--id=x") or two ("--id x"), or NULL. Where it is given
 * again, the last one holds. QEMU takes its options with one dash or two: one_dash.
 */
static const char *option_value(const struct strv *args, const char *name, bool one_dash)
{
	const char *value = NULL;
	size_t len = strlen(name);

	for (size_t i = 1; i < args->n; i++) {
		const char *word = args->v[i];
		size_t dashes = starts_with(word, "--") ? 2 : one_dash && word[0] == '-';

		if (!dashes || strncmp(word + dashes, name, len) != 0)
			continue;
		word += dashes + len;
		if (*word == '=')
			value = word + 1;
		else if (*word == '\0' && i + 1 < args->n)
			value = args->v[++i];
	}
	return value;
}

/* "-c 4" or "-c4". */
static const char *short_option_value(const struct strv *args, char letter)
{
	const char *value = NULL;

	for (size_t i = 1; i < args->n; i++) {
		const char *word = args->v[i];

		if (word[0] != '-' || word[1] != letter)
			continue;
		if (word[2])
			value = word + 2;
		else if (i + 1 < args->n)
			value = args->v[++i];
	}
	return value;
}

/*
 * Takes the next element off a list "a=b,c,d=e,,f" and returns where it went on, NULL at the end.
 * QEMU writes a comma inside of a value as two.
 */
static const char *next_element(const char *list, struct buf *ret)
{
	buf_reset(ret);
	for (; *list; list++) {
		if (*list == ',' && *++list != ',')
			return list;
		buf_add(ret, list, 1);
	}
	return NULL;
}

/* The value of key in such a list; an element first in it without "=" has the key `implied`. */
static char *list_value(const char *list, const char *key, const char *implied)
{
	size_t len = strlen(key);
	autobuf element = { 0 };
	char *value = NULL;
	bool first = true;

	while (list) {
		const char *found = NULL, *text;

		list = next_element(list, &element);
		text = buf_text(&element);
		if (strncmp(text, key, len) == 0 && text[len] == '=')
			found = text + len + 1;
		else if (first && implied && strcmp(key, implied) == 0 && !strchr(text, '='))
			found = text;
		first = false;
		if (!found)
			continue;
		free(value);
		value = xstrdup(found);
	}
	return value;
}

/* The number of processors in a list, 0 where there is none or it is nonsense. */
static int list_number(const char *list, const char *key, const char *implied)
{
	autofree char *text = list_value(list, key, implied);
	int number;

	if (!text || parse_int(text, &number) < 0)
		return 0;
	return number > 0 && number <= VCPUS_MAX ? number : 0;
}

/* What QEMU makes of -smp without cpus=: maxcpus, else the product of the topology. */
static int qemu_topology_vcpus(const char *smp)
{
	static const char *const levels[] = { "drawers",  "books",   "sockets", "dies",
					      "clusters", "modules", "cores",	"threads" };
	int vcpus = list_number(smp, "maxcpus", NULL);
	int64_t product = 1;
	bool any = false;

	if (vcpus)
		return vcpus;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		int number = list_number(smp, levels[i], NULL);

		any |= number > 0;
		product *= number ? number : 1;
		if (product > VCPUS_MAX)
			return 0;
	}
	return any ? (int)product : 0;
}

static int qemu_vcpus(const struct strv *args)
{
	const char *smp = option_value(args, "smp", true);
	int vcpus;

	if (!smp)
		return 0;
	vcpus = list_number(smp, "cpus", "cpus");
	return vcpus ? vcpus : qemu_topology_vcpus(smp);
}

static int other_vcpus(const struct strv *args, enum program_kind kind)
{
	static const char *const keys[] = { "boot", "num-cores", "cpus" };
	const char *cpus = option_value(args, "cpus", false);

	if (!cpus && kind != PROGRAM_OTHER)
		cpus = short_option_value(args, 'c');
	for (size_t i = 0; cpus && i < ARRAY_SIZE(keys); i++) {
		int vcpus = list_number(cpus, keys[i], "cpus");

		if (vcpus)
			return vcpus;
	}
	return 0;
}

static int count_vcpus(const struct kvm_user *u, enum program_kind kind)
{
	if (u->vcpu_fds)
		return u->vcpu_fds < VCPUS_MAX ? (int)u->vcpu_fds : VCPUS_MAX;
	return kind == PROGRAM_QEMU ? qemu_vcpus(&u->args) : other_vcpus(&u->args, kind);
}

static char *guest_name(const struct strv *args, enum program_kind kind)
{
	const char *name = option_value(args, "name", kind == PROGRAM_QEMU);
	char *guest;

	if (name && kind == PROGRAM_QEMU) {
		guest = list_value(name, "guest", "guest");
	} else {
		if (!name)
			name = option_value(args, "id", false);
		guest = name ? xstrdup(name) : NULL;
	}
	if (guest && *guest)
		return guest;
	free(guest);
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* systemd writes odd bytes of a unit's name as \xHH: "machine-qemu\x2d1\x2dweb.scope". */
static char *unescape_unit(const char *s, size_t len)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < len; i++) {
		bool escape = i + 3 < len && s[i] == '\\' && s[i + 1] == 'x';
		int high = escape ? hex_digit(s[i + 2]) : -1;
		int low = high >= 0 ? hex_digit(s[i + 3]) : -1;
		char c = low >= 0 ? (char)(high * 16 + low) : '\0';

		buf_add(&text, c ? &c : s + i, 1);
		i += c ? 3 : 0;
	}
	return buf_steal(&text);
}

static bool part_ends_with(const char *s, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len > end_len && memcmp(s + len - end_len, end, end_len) == 0;
}

/*
 * The last service or scope on the path: libvirt puts QEMU into groups below its scope
 * (".scope/libvirt/emulator"). Without one, the last component.
 */
static char *unit_name(const char *cgroup)
{
	/* What the kernel puts behind the path of a group that is gone. */
	static const char deleted[] = " (deleted)";
	size_t end = strlen(cgroup), last_len = 0;
	const char *last = NULL;

	if (part_ends_with(cgroup, end, deleted))
		end -= sizeof(deleted) - 1;
	while (end) {
		size_t start = end;
		const char *part;

		while (start && cgroup[start - 1] != '/')
			start--;
		part = cgroup + start;
		if (part_ends_with(part, end - start, ".service") ||
		    part_ends_with(part, end - start, ".scope"))
			return unescape_unit(part, end - start);
		if (!last && end > start && strncmp(part, "..", end - start) != 0) {
			last = part;
			last_len = end - start;
		}
		end = start ? start - 1 : 0;
	}
	return last ? unescape_unit(last, last_len) : NULL;
}

void user_describe(struct kvm_user *u)
{
	enum program_kind kind;

	free(u->program);
	free(u->guest);
	free(u->unit);
	u->program = program_name(u);
	kind = kind_of(u->program);
	/* A program may rewrite argv[0]; its comm is what was executed. */
	if (kind == PROGRAM_OTHER && u->comm)
		kind = kind_of(u->comm);
	u->guest = guest_name(&u->args, kind);
	u->unit = unit_name(u->cgroup ? u->cgroup : "");
	u->vcpus = count_vcpus(u, kind);
}

/* ---- who does not answer ---- */

#define PIDS_SHOWN 5

const char *answer_text(enum answer answer)
{
	static const char *const texts[] = {
		[ANSWERS] = "", [ANSWERS_NOT] = "does not answer", [NOT_ASKED] = "not asked"
	};

	return texts[answer];
}

void unanswered_note(struct unanswered *u, int pid, enum answer answer)
{
	if (answer == ANSWERS_NOT)
		array_push(u->pids, u->count) = pid;
	else if (answer == NOT_ASKED)
		u->not_asked++;
}

void unanswered_tell(const struct unanswered *u, const char *what, struct strv *unseen)
{
	autobuf pids = { 0 };

	for (size_t i = 0; i < u->count && i < PIDS_SHOWN; i++)
		buf_printf(&pids, "%s%d", i ? ", " : "", u->pids[i]);
	if (u->count > PIDS_SHOWN)
		buf_printf(&pids, " and %zu more", u->count - PIDS_SHOWN);
	if (u->count)
		strv_addf(unseen, "%s: PID %s do%s not answer", what, pids.data,
			  u->count == 1 ? "es" : "");
	if (u->not_asked)
		strv_addf(unseen,
			  "%s: %zu more process%s %s not asked, because others did not answer",
			  what, u->not_asked, u->not_asked == 1 ? "" : "es",
			  u->not_asked == 1 ? "was" : "were");
}

void unanswered_free(struct unanswered *u)
{
	free(u->pids);
	*u = (struct unanswered){ 0 };
}

void kvm_user_free(struct kvm_user *u)
{
	free(u->user);
	free(u->comm);
	strv_free(&u->args);
	free(u->cgroups);
	free(u->cgroup);
	free(u->program);
	free(u->guest);
	free(u->unit);
}

void kvm_users_free(struct kvm_users *users)
{
	for (size_t i = 0; i < users->count; i++)
		kvm_user_free(&users->users[i]);
	free(users->users);
	unanswered_free(&users->unanswered);
	*users = (struct kvm_users){ 0 };
}
