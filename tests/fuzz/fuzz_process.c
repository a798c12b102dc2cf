// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_process - any bytes as the files of a process: comm, status, stat, cmdline, cgroup, a line of
 * maps, the link of a descriptor; and what is made of them.
 *
 * What must hold: a guest has a name or none, never an empty one; its processors are a number that can
 * be; whatever is shown of it is plain text, and valid UTF-8 in JSON.
 */
#include "fuzz.h"
#include "report/json.h"

#include <kvmtune/proc_text.h>
#include <kvmtune/user.h>

/* More than any hypervisor can start. */
#define VCPUS_MAX 65536

static void check_shown(const char *text)
{
	autofree char *shown = text ? safe_text(text, 200) : NULL;

	must(!shown || (is_plain(shown) && strlen(shown) <= 200 * strlen("\\xff") + strlen("...")));
}

static void check_description(const struct kvm_user *u)
{
	must(u->program && u->vcpus >= 0 && u->vcpus <= VCPUS_MAX);
	must(!u->guest || *u->guest);
	must(!u->unit || *u->unit);
	check_shown(u->comm);
	check_shown(u->program);
	check_shown(u->guest);
	check_shown(u->unit);
}

/* The four forms of RFC 3629, from the shortest. */
static size_t utf8_step(const unsigned char *s)
{
	uint32_t code = s[0];
	size_t more = s[0] < 0x80 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

	must(s[0] < 0x80 || (s[0] >= 0xc0 && s[0] < 0xf8));
	code &= more ? 0x3fu >> more : 0x7fu;
	for (size_t i = 1; i <= more; i++) {
		must((s[i] & 0xc0) == 0x80);
		code = code << 6 | (s[i] & 0x3f);
	}
	must(code >= least[more] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
	return more + 1;
}

static void check_json(const struct kvm_user *u)
{
	struct kvm_users users = { .users = (struct kvm_user *)u, .count = 1 };
	struct json_object *list = json_users_list(&users);
	const char *text = json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN);

	for (const unsigned char *s = (const unsigned char *)text; *s;)
		s += utf8_step(s);
	json_object_put(list);
}

static void check_facts(struct parts *p)
{
	autofree char *status = take_text(p), *stat = take_text(p);
	autofree char *maps = take_text(p), *link = take_text(p);
	uint64_t ticks;
	unsigned uid;

	(void)proc_effective_uid(status, &uid);
	must(!proc_ksmd_ticks(stat, &ticks) || strstr(stat, "(ksmd)"));
	(void)proc_is_kernel_thread(stat);
	must(!proc_maps_vcpu(maps) || strstr(maps, "anon_inode:kvm-vcpu"));
	must(proc_kvm_link(link) == KVM_LINK_NONE || strstr(link, "kvm"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts p = parts_of(data, size);
	autobuf cmdline = { 0 };
	autofree char *comm = NULL, *cgroup = NULL;
	struct kvm_users users = { 0 };
	struct kvm_user *u = &array_push(users.users, users.count);

	take_part(&p, &cmdline);
	comm = take_text(&p);
	cgroup = take_text(&p);
	u->comm = proc_comm(comm);
	u->cgroup = proc_unit_cgroup(cgroup);
	u->vcpu_fds = (unsigned)size & 1;
	strv_add_words(&u->args, &cmdline);
	user_describe(u);
	check_description(u);
	check_json(u);
	check_facts(&p);
	kvm_users_free(&users);
	return 0;
}
