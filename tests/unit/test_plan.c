// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is to be done on which host, and what is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

#define HEAD	"# Made by kvmtune, see kvmtune(8); `kvmtune undo` takes it back.\n"
#define OWN_OFF HEAD "options kvm_intel ept=0\n"
#define OWN_ON	HEAD "options kvm_intel ept=1\n"
#define ADMIN	"/etc/modprobe.d/kvm.conf"
#define LATER	"/etc/modprobe.d/zzz-last.conf"

/* ---- how a plan reads ---- */

static const char letters[ACT_KIND_COUNT] = {
	[ACT_NONE] = '-',	  [ACT_WRITE_FILE] = 'w',   [ACT_REMOVE_FILE] = 'r',
	[ACT_CONFIRM] = 'c',	  [ACT_UNLOAD] = 'u',	    [ACT_LOAD] = 'l',
	[ACT_CHECK_PARAMS] = 'p', [ACT_CHECK_DEVICE] = 'd', [ACT_CHECK_GUEST] = 'g',
	[ACT_RESTORE] = 'R',
};

/* "wculpdg", and as many letters for the undo acts. */
static void kinds_of(const struct plan *plan, char *acts, char *backs)
{
	size_t i;

	for (i = 0; i < plan->step_count; i++) {
		acts[i] = letters[plan->steps[i].act.kind];
		backs[i] = letters[plan->steps[i].back.kind];
	}
	acts[i] = backs[i] = '\0';
}

static const struct step *step_of(const struct plan *plan, enum act_kind kind)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].act.kind == kind)
			return &plan->steps[i];
	fail_msg("no step of kind %s", act_name(kind));
	return NULL;
}

static void build(const struct host *h, const char *value, bool defer, struct plan *ret)
{
	struct goal goal = { .setting = &settings[SETTING_EPT], .value = value };
	struct plan_options options = { .defer = defer };

	plan_build(h, &goal, 1, &options, ret);
}

/* ---- hosts ---- */

static void as_made(struct host *h)
{
	(void)h;
}

static void is_off(struct host *h)
{
	host_ept(h, false);
	host_conf(h, OWN_CONF_FILE, OWN_OFF);
}

static void is_off_by_admin(struct host *h)
{
	host_ept(h, false);
	host_conf(h, ADMIN, "options kvm_intel ept=0 nested=1\n");
}

/* Somebody turned it off by hand: no file says so. */
static void is_off_by_hand(struct host *h)
{
	host_ept(h, false);
}

static void saved_off(struct host *h)
{
	host_conf(h, OWN_CONF_FILE, OWN_OFF);
}

static void not_loaded(struct host *h)
{
	struct module_facts *m = &h->modules[MODULE_KVM_INTEL];

	m->state = MODULE_STATE_LOADABLE;
	m->of[SETTING_EPT].now = m->of[SETTING_NESTED].now = UNKNOWN;
	m->refcnt = -1;
	h->device.exists = false;
}

static void not_loaded_off(struct host *h)
{
	not_loaded(h);
	host_conf(h, OWN_CONF_FILE, OWN_OFF);
}

static void in_use(struct host *h)
{
	host_user(h, 4711, "qemu-kvm");
}

static void in_use_unseen(struct host *h)
{
	h->modules[MODULE_KVM_INTEL].refcnt = 1;
}

static void in_use_by_module(struct host *h)
{
	strv_add(&h->modules[MODULE_KVM_INTEL].holders, "vendor_probe");
}

static void builtin(struct host *h)
{
	h->modules[MODULE_KVM_INTEL].state = MODULE_STATE_BUILTIN;
}

static void busy(struct host *h)
{
	h->modules[MODULE_KVM_INTEL].state = MODULE_STATE_BUSY;
}

static void absent(struct host *h)
{
	not_loaded(h);
	h->modules[MODULE_KVM_INTEL].state = MODULE_STATE_ABSENT;
}

static void unreadable(struct host *h)
{
	h->modules[MODULE_KVM_INTEL].of[SETTING_EPT].now = UNKNOWN;
}

static void no_virt(struct host *h)
{
	absent(h);
	h->modules[MODULE_KVM_INTEL].virt.value = NO;
	h->modules[MODULE_KVM_INTEL].enabled.value = NO;
	h->modules[MODULE_KVM_INTEL].paging.value = NO;
}

static void amd(struct host *h)
{
	no_virt(h);
	h->cpu = (struct cpu_id){ .vendor = "AuthenticAMD", .vmx = NO, .svm = YES };
}

static void firmware_off(struct host *h)
{
	not_loaded(h);
	h->modules[MODULE_KVM_INTEL].enabled.value = NO;
}

static void no_ept(struct host *h)
{
	host_ept(h, false);
	h->modules[MODULE_KVM_INTEL].paging.value = NO;
	h->modules[MODULE_KVM_INTEL].usable.value = NO;
	host_decide(h);
}

static void ept_not_usable(struct host *h)
{
	host_ept(h, false);
	h->modules[MODULE_KVM_INTEL].usable.value = NO;
}

static void not_root(struct host *h)
{
	h->root = false;
}

/* access(2) says so for everybody but root: that is no read-only system. */
static void not_root_not_writable(struct host *h)
{
	h->root = false;
	h->conf_writable = -EACCES;
}

static void read_only(struct host *h)
{
	h->conf_writable = -EROFS;
}

static void no_conf_dir(struct host *h)
{
	h->conf_writable = -ENOENT;
}

static void nixos(struct host *h)
{
	h->nixos = true;
}

static void later_file_on(struct host *h)
{
	host_conf(h, LATER, "# hands off\noptions kvm_intel ept=1\n");
}

static void cmdline_on(struct host *h)
{
	host_cmdline(h, "quiet kvm-intel.ept=1");
}

static void cmdline_off(struct host *h)
{
	host_ept(h, false);
	host_cmdline(h, "quiet kvm_intel.ept=0");
}

static void install_line(struct host *h)
{
	host_conf(h, ADMIN, "install kvm_intel /bin/true\n");
}

static void modules_disabled(struct host *h)
{
	h->modules_disabled = YES;
}

static void not_reloadable(struct host *h)
{
	struct reload_facts *reload = &h->modules[MODULE_KVM_INTEL].reload;

	h->parts |= HOST_RELOAD;
	reload->state = RELOAD_IMPOSSIBLE;
	err_set(&reload->why_not, -2, "kvm_intel could not be loaded again: because");
	err_status(&reload->why_not, STATUS_IMPOSSIBLE, "not-reloadable");
	err_hint(&reload->why_not, "Do this.");
}

/* Of the two, that which no waiting changes. */
static void not_reloadable_in_use(struct host *h)
{
	not_reloadable(h);
	in_use(h);
}

static void not_reloadable_off(struct host *h)
{
	not_reloadable(h);
	saved_off(h);
}

static void reloadable(struct host *h)
{
	h->parts |= HOST_RELOAD;
	h->modules[MODULE_KVM_INTEL].reload.state = RELOAD_POSSIBLE;
}

static void device_hidden(struct host *h)
{
	h->parts |= HOST_RELOAD;
	h->device_hidden = xstrdup("tmpfs");
}

static void acl_unknown(struct host *h)
{
	h->device.acl_unknown = true;
}

static void virtualbox(struct host *h)
{
	strv_add(&h->hypervisors, "vboxdrv");
}

static void image(struct host *h)
{
	not_loaded(h);
	h->modules[MODULE_KVM_INTEL].state = MODULE_STATE_UNKNOWN;
	h->modules[MODULE_KVM_INTEL].virt.value = UNKNOWN;
	h->modules[MODULE_KVM_INTEL].enabled.value = UNKNOWN;
	h->modules[MODULE_KVM_INTEL].paging.value = UNKNOWN;
	h->modules[MODULE_KVM_INTEL].usable.value = UNKNOWN;
	h->image = true;
	h->root = false;
}

static void not_root_nixos(struct host *h)
{
	not_root(h);
	nixos(h);
}

static void not_root_in_use(struct host *h)
{
	not_root(h);
	in_use(h);
}

static void not_root_later_file(struct host *h)
{
	not_root(h);
	later_file_on(h);
}

static void image_read_only(struct host *h)
{
	image(h);
	read_only(h);
}

static void read_only_saved(struct host *h)
{
	read_only(h);
	saved_off(h);
}

static void no_device(struct host *h)
{
	h->device.exists = false;
}

struct plan_case {
	const char *name;
	void (*make)(struct host *h);
	const char *value;
	bool defer;
	const char *acts, *backs;
	enum exit_status status;
	const char *refusal; /* NULL: none */
};

/* In a refused plan the steps are there for the reader of a dry run; they are not asked for here. */
static const struct plan_case cases[] = {
	{ "off", as_made, "off", false, "wculpdg", "r-Ru---", STATUS_DONE, NULL },
	{ "on already", as_made, "on", false, "", "", STATUS_DONE, NULL },
	{ "on again", is_off, "on", false, "rculpdg", "w-Ru---", STATUS_DONE, NULL },
	{ "off already", is_off, "off", false, "", "", STATUS_DONE, NULL },
	{ "on against the admin", is_off_by_admin, "on", false, "wculpdg", "r-Ru---", STATUS_DONE,
	  NULL },
	{ "off by hand: save it", is_off_by_hand, "off", false, "wc", "r-", STATUS_DONE, NULL },
	{ "off by hand: on", is_off_by_hand, "on", false, "culpdg", "-Ru---", STATUS_DONE, NULL },
	{ "saved: now do it", saved_off, "off", false, "culpdg", "-Ru---", STATUS_DONE, NULL },
	{ "saved: not any more", saved_off, "on", false, "rc", "w-", STATUS_DONE, NULL },
	{ "no device before", no_device, "off", false, "wculpg", "r-Ru--", STATUS_DONE, NULL },
	{ "no directory yet", no_conf_dir, "off", false, "wculpdg", "r-Ru---", STATUS_DONE, NULL },

	{ "defer", as_made, "off", true, "wc", "r-", STATUS_PENDING, NULL },
	{ "defer on", is_off, "on", true, "rc", "w-", STATUS_PENDING, NULL },
	{ "defer in use", in_use, "off", true, "wc", "r-", STATUS_PENDING, NULL },
	{ "defer what is so", as_made, "on", true, "", "", STATUS_DONE, NULL },
	{ "defer what is saved", saved_off, "off", true, "", "", STATUS_PENDING, NULL },
	{ "defer, modules disabled", modules_disabled, "off", true, "wc", "r-", STATUS_PENDING,
	  NULL },
	{ "defer beside VirtualBox", virtualbox, "off", true, "wc", "r-", STATUS_PENDING, NULL },

	{ "not loaded", not_loaded, "off", false, "wc", "r-", STATUS_DONE, NULL },
	{ "not loaded, on", not_loaded, "on", false, "", "", STATUS_DONE, NULL },
	{ "not loaded, off already", not_loaded_off, "off", false, "", "", STATUS_DONE, NULL },
	{ "not loaded, on again", not_loaded_off, "on", false, "rc", "w-", STATUS_DONE, NULL },

	{ "image", image, "off", false, "wc", "r-", STATUS_DONE, NULL },
	{ "image, already", image, "on", false, "", "", STATUS_DONE, NULL },

	{ "in use", in_use, "off", false, NULL, NULL, STATUS_REFUSED, "in-use" },
	{ "in use, what is so", in_use, "on", false, "", "", STATUS_DONE, NULL },
	{ "in use by somebody", in_use_unseen, "off", false, NULL, NULL, STATUS_REFUSED, "in-use" },
	{ "in use by a module", in_use_by_module, "off", false, NULL, NULL, STATUS_REFUSED,
	  "in-use" },
	{ "built in", builtin, "off", false, NULL, NULL, STATUS_IMPOSSIBLE, "built-in" },
	{ "built in, so", builtin, "on", false, "", "", STATUS_DONE, NULL },
	{ "no module", absent, "off", false, NULL, NULL, STATUS_IMPOSSIBLE, "no-module" },
	{ "no VT-x", no_virt, "off", false, NULL, NULL, STATUS_IMPOSSIBLE, "no-virt" },
	{ "no VT-x, on", no_virt, "on", false, NULL, NULL, STATUS_IMPOSSIBLE, "no-virt" },
	{ "AMD", amd, "off", false, NULL, NULL, STATUS_IMPOSSIBLE, "no-virt" },
	{ "firmware", firmware_off, "off", false, NULL, NULL, STATUS_IMPOSSIBLE, "virt-disabled" },
	{ "no EPT, on", no_ept, "on", false, NULL, NULL, STATUS_IMPOSSIBLE, "no-paging" },
	{ "no EPT, off", no_ept, "off", false, "", "", STATUS_DONE, NULL },
	{ "EPT not usable", ept_not_usable, "on", false, NULL, NULL, STATUS_IMPOSSIBLE,
	  "no-paging" },
	{ "unknown", unreadable, "off", false, "", "", STATUS_IMPOSSIBLE, "unknown-state" },
	{ "not root", not_root, "off", false, NULL, NULL, STATUS_IMPOSSIBLE, "not-root" },
	{ "not root, so", not_root, "on", false, "", "", STATUS_DONE, NULL },
	{ "not root as it is", not_root_not_writable, "off", false, NULL, NULL, STATUS_IMPOSSIBLE,
	  "not-root" },
	{ "not root, NixOS", not_root_nixos, "off", false, NULL, NULL, STATUS_IMPOSSIBLE,
	  "not-root" },
	{ "not root, in use", not_root_in_use, "off", false, NULL, NULL, STATUS_IMPOSSIBLE,
	  "not-root" },
	{ "not root, later file", not_root_later_file, "off", false, NULL, NULL, STATUS_REFUSED,
	  "file-wins" },
	{ "image, read-only", image_read_only, "off", false, NULL, NULL, STATUS_IMPOSSIBLE,
	  "read-only-config" },
	{ "read-only, file stays", read_only_saved, "off", false, "culpdg", "-Ru---", STATUS_DONE,
	  NULL },
	{ "read-only", read_only, "off", false, NULL, NULL, STATUS_IMPOSSIBLE, "read-only-config" },
	{ "read-only, so", read_only, "on", false, "", "", STATUS_DONE, NULL },
	{ "NixOS", nixos, "off", false, NULL, NULL, STATUS_IMPOSSIBLE, "generated-config" },
	{ "later file", later_file_on, "off", false, NULL, NULL, STATUS_REFUSED, "file-wins" },
	{ "later file, defer", later_file_on, "off", true, NULL, NULL, STATUS_REFUSED,
	  "file-wins" },
	{ "later file, so", later_file_on, "on", false, "", "", STATUS_DONE, NULL },
	{ "command line", cmdline_on, "off", false, NULL, NULL, STATUS_REFUSED, "cmdline-wins" },
	{ "command line, on", cmdline_off, "on", false, NULL, NULL, STATUS_REFUSED,
	  "cmdline-wins" },
	{ "install line", install_line, "off", false, NULL, NULL, STATUS_REFUSED, "install-line" },
	{ "modules disabled", modules_disabled, "off", false, NULL, NULL, STATUS_IMPOSSIBLE,
	  "modules-disabled" },
	{ "reloadable", reloadable, "off", false, "wculpdg", "r-Ru---", STATUS_DONE, NULL },
	{ "not reloadable", not_reloadable, "off", false, NULL, NULL, STATUS_IMPOSSIBLE,
	  "not-reloadable" },
	{ "not reloadable, in use", not_reloadable_in_use, "off", false, NULL, NULL,
	  STATUS_IMPOSSIBLE, "not-reloadable" },
	{ "not reloadable, what is so", not_reloadable, "on", false, "", "", STATUS_DONE, NULL },
	{ "not reloadable, what is saved", not_reloadable_off, "off", false, NULL, NULL,
	  STATUS_IMPOSSIBLE, "not-reloadable" },
	{ "not reloadable, defer", not_reloadable, "off", true, "wc", "r-", STATUS_PENDING, NULL },
	{ "device hidden", device_hidden, "off", false, NULL, NULL, STATUS_IMPOSSIBLE,
	  "device-hidden" },
	{ "device hidden, defer", device_hidden, "off", true, "wc", "r-", STATUS_PENDING, NULL },
	{ "ACL unknown", acl_unknown, "off", false, NULL, NULL, STATUS_IMPOSSIBLE,
	  "device-hidden" },
	{ "VirtualBox", virtualbox, "off", false, NULL, NULL, STATUS_REFUSED, "other-hypervisor" },
	/* Nothing is planned on a guess: not even what is to be saved only. */
	{ "in transit", busy, "off", false, "", "", STATUS_REFUSED, "module-busy" },
	{ "in transit, so", busy, "on", false, "", "", STATUS_REFUSED, "module-busy" },
	{ "in transit, defer", busy, "off", true, "", "", STATUS_REFUSED, "module-busy" },
	{ "unknown, on", unreadable, "on", false, "", "", STATUS_IMPOSSIBLE, "unknown-state" },
	{ "unknown, defer", unreadable, "off", true, "", "", STATUS_IMPOSSIBLE, "unknown-state" },
};

/* Says what is wrong with a case; all of them are tried before the test fails. */
static bool differs(const struct plan_case *c, const struct plan *plan)
{
	char acts[32], backs[32];

	kinds_of(plan, acts, backs);
	if (plan->status != c->status)
		print_error("%s: status %d, not %d\n", c->name, plan->status, c->status);
	else if (strcmp(plan->refusal.id, c->refusal ? c->refusal : "") != 0)
		print_error("%s: refusal \"%s\", not \"%s\"\n", c->name, plan->refusal.id,
			    c->refusal ? c->refusal : "");
	else if (c->refusal && (!plan->refusal.text[0] || !plan->refusal.code))
		print_error("%s: a refusal without a message\n", c->name);
	else if (!c->refusal && plan->refusal.code)
		print_error("%s: refused: %s\n", c->name, plan->refusal.text);
	else if (c->acts && strcmp(acts, c->acts) != 0)
		print_error("%s: steps %s, not %s\n", c->name, acts, c->acts);
	else if (c->backs && strcmp(backs, c->backs) != 0)
		print_error("%s: undo acts %s, not %s\n", c->name, backs, c->backs);
	else
		return false;
	return true;
}

static void hosts_and_goals(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan plan;
		struct host h;

		host_make(&h);
		cases[i].make(&h);
		build(&h, cases[i].value, cases[i].defer, &plan);
		wrong += differs(&cases[i], &plan);
		plan_free(&plan);
		host_free(&h);
	}
	assert_int_equal(wrong, 0);
}

/* Whatever was planned: on the host that it leads to, there is nothing left to do. */
static void twice_is_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan plan, again;
		struct host h;

		host_make(&h);
		cases[i].make(&h);
		build(&h, cases[i].value, cases[i].defer, &plan);
		if (!plan.refusal.code) {
			host_after(&h, &plan);
			build(&h, cases[i].value, cases[i].defer, &again);
			if (again.step_count || again.refusal.code)
				fail_msg("%s: planned again: %zu steps, %s", cases[i].name,
					 again.step_count, again.refusal.text);
			plan_free(&again);
		}
		plan_free(&plan);
		host_free(&h);
	}
}

/* ---- the texts of refusals ---- */

static void refusal_names(void (*make)(struct host *), const char *value, const char *text,
			  const char *hint)
{
	struct plan plan;
	struct host h;

	host_make(&h);
	make(&h);
	build(&h, value, false, &plan);
	if (!strstr(plan.refusal.text, text))
		fail_msg("\"%s\" is not in: %s", text, plan.refusal.text);
	if (!strstr(plan.refusal.hint, hint))
		fail_msg("\"%s\" is not in: %s", hint, plan.refusal.hint);
	plan_free(&plan);
	host_free(&h);
}

static void guests_in_use(struct host *h)
{
	host_user(h, 1, "qemu-kvm");
	host_user(h, 2, "firecracker");
}

static void hostile_file(struct host *h)
{
	host_conf(h, "/etc/modprobe.d/zzz-\033[2J.conf", "options kvm_intel ept=1\n");
}

static void bare_option(struct host *h)
{
	host_conf(h, LATER, "options kvm_intel ept\n");
}

static void refusals_name_cause_and_way_out(void **state)
{
	(void)state;
	refusal_names(later_file_on, "off", "ept=1 in " LATER ":2 takes precedence",
		      "Remove that option");
	refusal_names(bare_option, "off", "ept=1 in " LATER ":1 takes precedence",
		      "Remove that option");
	refusal_names(hostile_file, "off", "zzz-\\x1b[2J.conf:1", "");
	refusal_names(cmdline_on, "off",
		      "kvm_intel.ept=1 on the kernel command line takes precedence",
		      "kernel command line");
	refusal_names(install_line, "off", ADMIN ":1 makes modprobe run a command", "install line");
	refusal_names(in_use, "off", "in use by 1 process", "kvmtune ept off --wait");
	refusal_names(guests_in_use, "off", "in use by 2 processes", "kvmtune ept off --defer");
	refusal_names(in_use_unseen, "off", "no holder is visible", "--wait");
	refusal_names(in_use_by_module, "off", "kvm_intel is held by the module vendor_probe",
		      "--defer");
	refusal_names(builtin, "off", "built into", "kvm_intel.ept=0");
	refusal_names(absent, "off", "6.1.0-test", "reboot into the new kernel");
	refusal_names(amd, "off", "AuthenticAMD", "");
	refusal_names(firmware_off, "off", "firmware", "BIOS");
	refusal_names(virtualbox, "off", "vboxdrv", "Stop its virtual machines");
	refusal_names(modules_disabled, "off", "until the next boot", "--defer");
	refusal_names(nixos, "off", "NixOS", "boot.extraModprobeConfig");
	refusal_names(not_root, "off", "root", "sudo");
	refusal_names(busy, "off", "loading or removing", "in a moment");
	refusal_names(unreadable, "off", "parameter ept cannot be read", "/sys/module");
}

/* Only a refusal for users of KVM shows the table of them. */
static void only_users_are_shown(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	in_use(&h);
	build(&h, "off", false, &plan);
	assert_true(plan.refused_for_users);
	plan_free(&plan);
	host_cmdline(&h, "kvm_intel.ept=1");
	build(&h, "off", false, &plan);
	assert_false(plan.refused_for_users);
	assert_string_equal(plan.refusal.id, "cmdline-wins");
	plan_free(&plan);
	host_free(&h);
}

/* What the host can never do is said first, what it cannot do just now last. */
static void order_of_refusals(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	in_use(&h);
	modules_disabled(&h);
	virtualbox(&h);
	not_root(&h);
	install_line(&h);
	later_file_on(&h);
	build(&h, "off", false, &plan);
	assert_string_equal(plan.refusal.id, "file-wins");
	plan_free(&plan);
	h.modules[MODULE_KVM_INTEL].enabled.value = NO;
	build(&h, "off", false, &plan);
	assert_string_equal(plan.refusal.id, "virt-disabled");
	assert_int_equal(plan.step_count, 0);
	plan_free(&plan);
	host_free(&h);
}

/* ---- our file ---- */

struct text_case {
	const char *old;   /* NULL: no file */
	const char *value; /* wanted */
	const char *text;  /* NULL: the file is to be removed */
};

static const struct text_case texts[] = {
	{ NULL, "off", OWN_OFF },
	{ OWN_OFF, "on", NULL },
	{ "options kvm_intel ept=0", "on", NULL },
	{ "options kvm-intel ept=0\n\n# \n", "on", NULL },
	{ OWN_ON, "off", OWN_OFF },
	{ HEAD "# mine\noptions kvm_intel ept=0\noptions kvm ignore_msrs=1\n", "on",
	  HEAD "# mine\noptions kvm ignore_msrs=1\n" },
	{ "options kvm ignore_msrs=1", "off",
	  HEAD "options kvm ignore_msrs=1\noptions kvm_intel ept=0\n" },
	{ "options kvm_intel nested=1\noptions kvm_intel ept=1\n", "off",
	  HEAD "options kvm_intel nested=1\noptions kvm_intel ept=0\n" },
	{ "# Made by kvmtune, long ago\noptions kvm_intel ept=Y\n", "off", OWN_OFF },
	{ "options kvm_intel nested=1 ept=1\n", "off",
	  HEAD "options kvm_intel nested=1\noptions kvm_intel ept=0\n" },
	{ "options kvm_intel nested=1 ept=0\n", "on", HEAD "options kvm_intel nested=1\n" },
	{ "options kvm-intel ept=0 words=\"a b\" ept=0 bare\n", "on",
	  HEAD "options kvm-intel words=\"a b\" bare\n" },
	/* Word by word, where our parameter is not among them. */
	{ "\n  options   kvm-intel\tnested=1 \n\n# mine\nsoftdep kvm_intel pre: x\n", "off",
	  HEAD "\n  options   kvm-intel\tnested=1 \n\n# mine\nsoftdep kvm_intel pre: x\n"
	       "options kvm_intel ept=0\n" },
	{ "options other ept=1\nblacklist kvm_amd\n", "off",
	  HEAD "options other ept=1\nblacklist kvm_amd\noptions kvm_intel ept=0\n" },
	{ "options kvm_intel emulate_ept=1 ept_x=2\n", "off",
	  HEAD "options kvm_intel emulate_ept=1 ept_x=2\noptions kvm_intel ept=0\n" },
};

static bool text_differs(const struct text_case *c, const struct plan *plan)
{
	const struct step *s = &plan->steps[0];
	bool same = plan->step_count > 1;

	same = same && s->act.kind == (c->text ? ACT_WRITE_FILE : ACT_REMOVE_FILE);
	same = same && strcmp(s->act.target, OWN_CONF_FILE) == 0;
	same = same && (!c->text || (strcmp(s->act.text, c->text) == 0 && s->act.mode == 0644));
	same = same && s->back.kind == (c->old ? ACT_WRITE_FILE : ACT_REMOVE_FILE);
	same = same && (!c->old || (strcmp(s->back.text, c->old) == 0 && s->back.mode == 0644));
	if (!same)
		print_error("%s of\n%s---\n%s---\n", c->value, c->old ? c->old : "(none)\n",
			    plan->step_count && s->act.text ? s->act.text : "(no text)\n");
	return !same;
}

#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void own_file(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct plan plan;
		struct host h;

		host_make(&h);
		host_ept(&h, strcmp(texts[i].value, "off") == 0);
		if (texts[i].old)
			host_conf(&h, OWN_CONF_FILE, texts[i].old);
		host_decide(&h);
		build(&h, texts[i].value, false, &plan);
		wrong += text_differs(&texts[i], &plan);
		plan_free(&plan);
		host_free(&h);
	}
	assert_int_equal(wrong, 0);
}

/* What libkmod would make of our file: the options of others stay, however they are written. */
static void others_options_stay(void **state)
{
	static const struct text_case written[] = {
		{ "options kvm_intel nested=1 \\\n ept=0\n", NULL, "nested=1" },
		{ "options kvm_intel ept=0 \\\n nested=1\n", NULL, "nested=1" },
		{ "options kvm_intel ept=0 words=x\"y z\"\n", NULL, "words=x\"y z\"" },
		{ "options kvm_intel ept=0 long=" LONG LONG "\n", NULL, "long=" LONG LONG },
	};
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		autofree char *options = NULL;
		struct modconf conf = { 0 };
		struct plan plan;
		struct host h;

		host_make(&h);
		host_ept(&h, false);
		host_conf(&h, OWN_CONF_FILE, written[i].old);
		build(&h, "on", false, &plan);
		host_after(&h, &plan);
		modconf_add_file(&conf, OWN_CONF_FILE, h.own_conf, strlen(h.own_conf));
		options = modconf_options(&conf, MODULE);
		if (!options || !strstr(options, written[i].text)) {
			print_error("\"%s\" is not in: %s\n", written[i].text,
				    options ? options : "(none)");
			wrong++;
		}
		modconf_free(&conf);
		plan_free(&plan);
		host_free(&h);
	}
	assert_int_equal(wrong, 0);
}

/* Where another file says off, ours must say on: removing it is not enough. */
static void removal_is_not_enough(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_ept(&h, false);
	host_conf(&h, ADMIN, "options kvm_intel ept=0\n");
	host_conf(&h, OWN_CONF_FILE, OWN_OFF);
	build(&h, "on", false, &plan);
	assert_string_equal(step_of(&plan, ACT_WRITE_FILE)->act.text, OWN_ON);
	plan_free(&plan);
	host_free(&h);
}

/* A file of our name in another directory has its say as long as there is none in /etc. */
static void same_name_elsewhere(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	not_loaded(&h);
	host_conf(&h, "/usr/lib/modprobe.d/zz-kvmtune.conf", "options kvm_intel ept=0\n");
	build(&h, "on", false, &plan);
	assert_string_equal(step_of(&plan, ACT_WRITE_FILE)->act.text, OWN_ON);
	plan_free(&plan);
	host_free(&h);
}

/* ---- the reload ---- */

static void reload_of_off(void **state)
{
	const struct step *unload, *load;
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	build(&h, "off", false, &plan);
	unload = step_of(&plan, ACT_UNLOAD);
	load = step_of(&plan, ACT_LOAD);
	assert_string_equal(unload->act.target, MODULE);
	assert_false(unload->urgent);
	assert_true(load->urgent);
	assert_null(load->act.text);
	assert_int_equal(load->act.wanted[0].value, NO);
	assert_string_equal(load->note, "also turns off: eptad, pml, unrestricted_guest");
	assert_string_equal(unload->back.text, "ept=1");
	assert_string_equal(unload->back.wanted[0].param, "ept");
	assert_int_equal(unload->back.wanted[0].value, YES);
	assert_true(unload->back.device.exists);
	assert_int_equal(unload->back.device.gid, h.device.gid);
	assert_true(plan_reloads(&plan));
	plan_free(&plan);
	host_free(&h);
}

static void nothing_goes_off_with_on(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	is_off(&h);
	build(&h, "on", false, &plan);
	assert_null(step_of(&plan, ACT_LOAD)->note);
	assert_string_equal(step_of(&plan, ACT_UNLOAD)->back.text, "ept=0");
	plan_free(&plan);
	host_free(&h);
}

/* Of those the kernel would turn off, only what is on is worth naming. */
static void note_names_what_is_on(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_param(&h, "pml", "0");
	host_param(&h, "eptad", "N");
	host_param(&h, "tdx", "1");
	build(&h, "off", false, &plan);
	assert_string_equal(step_of(&plan, ACT_LOAD)->note,
			    "also turns off: unrestricted_guest, tdx");
	plan_free(&plan);
	host_free(&h);
}

struct force_case {
	const char *conf, *cmdline; /* NULL: none */
	const char *back;	    /* the options for the rollback */
};

static const struct force_case forces[] = {
	{ NULL, NULL, "ept=1" },
	{ "options kvm_intel nested=0\n", NULL, "nested=0 ept=1" },
	{ "options kvm-intel nested=N ple_gap=0x80\n", NULL, "nested=N ple_gap=0x80 ept=1" },
	{ "options kvm_intel flexpriority\n", NULL, "flexpriority=1 ept=1" },
	/* Edited since the module was loaded: not in force. */
	{ "options kvm_intel nested=1 ple_gap=bogus\n", NULL, "ept=1" },
	{ "options kvm_intel nested=1 nested=0\n", NULL, "nested=0 ept=1" },
	/* What the kernel does not show cannot have been in force. */
	{ "options kvm_intel no_such_thing=3\n", NULL, "ept=1" },
	{ "options kvm_intel ept=1\n", NULL, "ept=1" },
	{ "options kvm_intel ple_gap=128\n", "quiet kvm_intel.nested=0",
	  "ple_gap=128 nested=0 ept=1" },
	{ "options kvm_intel words=\"a b\"\n", NULL, "words=\"a b\" ept=1" },
};

static void options_for_the_rollback(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forces); i++) {
		struct plan plan;
		struct host h;

		host_make(&h);
		host_param(&h, "words", "a b");
		if (forces[i].conf)
			host_conf(&h, ADMIN, forces[i].conf);
		if (forces[i].cmdline)
			host_cmdline(&h, forces[i].cmdline);
		build(&h, "off", false, &plan);
		assert_string_equal(step_of(&plan, ACT_UNLOAD)->back.text, forces[i].back);
		plan_free(&plan);
		host_free(&h);
	}
}

static const struct expect *expect_of(const struct act *act, const char *param)
{
	for (size_t i = 0; i < act->expect_count; i++)
		if (strcmp(act->expects[i].param, param) == 0)
			return &act->expects[i];
	fail_msg("nothing is expected of %s", param);
	return NULL;
}

static void what_is_expected(void **state)
{
	const struct act *act;
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_param(&h, "pt_mode", "0");
	host_conf(&h, ADMIN, "options kvm_intel nested=0 ple_gap=0x80\n");
	build(&h, "off", false, &plan);
	assert_int_equal(plan.effect_count, 0);
	act = &step_of(&plan, ACT_CHECK_PARAMS)->act;
	assert_string_equal(expect_of(act, "ept")->after, "N");
	assert_string_equal(expect_of(act, "ept")->before, "Y");
	assert_string_equal(expect_of(act, "flexpriority")->after, "Y");
	assert_string_equal(expect_of(act, "nested")->after, "N");
	assert_string_equal(expect_of(act, "nested")->before, "N");
	assert_true(expect_of(act, "nested")->announced);
	assert_string_equal(expect_of(act, "ple_gap")->after, "128");
	assert_false(expect_of(act, "flexpriority")->announced);
	assert_null(expect_of(act, "pml")->after);
	assert_true(expect_of(act, "pml")->announced);
	assert_null(expect_of(act, "unrestricted_guest")->after);
	assert_null(expect_of(act, "pt_mode")->after);
	assert_int_equal(step_of(&plan, ACT_UNLOAD)->back.expect_count, act->expect_count);
	plan_free(&plan);
	host_free(&h);
}

/* Where another option changes with the reload, it may take others with it. */
static void what_is_expected_beside_effects(void **state)
{
	const struct act *act;
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_conf(&h, ADMIN, "options kvm_intel nested=1\n");
	build(&h, "off", false, &plan);
	assert_int_equal(plan.effect_count, 1);
	act = &step_of(&plan, ACT_CHECK_PARAMS)->act;
	assert_string_equal(expect_of(act, "ept")->after, "N");
	/* Not in force now: the processor may lack it. The plan says it already. */
	assert_null(expect_of(act, "nested")->after);
	assert_true(expect_of(act, "nested")->announced);
	assert_string_equal(expect_of(act, "nested")->before, "N");
	assert_null(expect_of(act, "flexpriority")->after);
	assert_string_equal(expect_of(act, "flexpriority")->before, "Y");
	assert_false(expect_of(act, "flexpriority")->announced);
	plan_free(&plan);
	host_free(&h);
}

static void other_effects_are_named(void **state)
{
	const struct effect *f;
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_conf(&h, ADMIN, "options kvm_intel flexpriority=y\noptions kvm_intel nested=1\n");
	host_conf(&h, "/etc/modprobe.d/own.conf", "options kvm_intel pml=0\n");
	host_cmdline(&h, "kvm_intel.ple_gap=64");
	build(&h, "off", false, &plan);
	assert_int_equal(plan.effect_count, 2);
	f = &plan.effects[0];
	assert_string_equal(f->param, "nested");
	assert_string_equal(f->from, "N");
	assert_string_equal(f->to, "1");
	assert_string_equal(f->file, ADMIN);
	assert_int_equal(f->line, 2);
	f = &plan.effects[1];
	assert_string_equal(f->param, "ple_gap");
	assert_int_equal(f->line, 0);
	assert_int_equal(plan.refusal.code, 0);
	plan_free(&plan);
	/* Nothing is reloaded: nothing changes. */
	build(&h, "off", true, &plan);
	assert_int_equal(plan.effect_count, 0);
	plan_free(&plan);
	host_free(&h);
}

static void confirmed_is_what_wins(void **state)
{
	const struct act *act;
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	build(&h, "off", false, &plan);
	act = &step_of(&plan, ACT_CONFIRM)->act;
	assert_string_equal(act->target, MODULE);
	assert_int_equal(act->wanted_count, 1);
	assert_string_equal(act->wanted[0].param, "ept");
	assert_int_equal(act->wanted[0].value, NO);
	/* Somebody must say so: silence is on. */
	assert_false(act->wanted[0].by_default);
	plan_free(&plan);
	host_free(&h);
}

static void on_is_the_default(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	is_off(&h);
	build(&h, "on", false, &plan);
	assert_true(step_of(&plan, ACT_CONFIRM)->act.wanted[0].by_default);
	assert_int_equal(step_of(&plan, ACT_CONFIRM)->act.wanted[0].value, YES);
	plan_free(&plan);
	host_free(&h);
	/* Where our file is needed, it must be seen. */
	host_make(&h);
	is_off_by_admin(&h);
	build(&h, "on", false, &plan);
	assert_false(step_of(&plan, ACT_CONFIRM)->act.wanted[0].by_default);
	assert_int_equal(step_of(&plan, ACT_CONFIRM)->act.wanted[0].value, YES);
	plan_free(&plan);
	host_free(&h);
}

/* ---- changes ---- */

static void change_says_what_was(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	saved_off(&h);
	build(&h, "off", true, &plan);
	assert_int_equal(plan.change_count, 1);
	assert_ptr_equal(plan.changes[0].setting, &settings[SETTING_EPT]);
	assert_string_equal(plan.changes[0].value, "off");
	assert_string_equal(plan.changes[0].now, "on");
	assert_string_equal(plan.changes[0].next, "off");
	assert_true(plan.changes[0].waits);
	assert_false(plan.changes[0].already);
	plan_free(&plan);
	build(&h, "off", false, &plan);
	assert_false(plan.changes[0].waits);
	plan_free(&plan);
	host_free(&h);
}

static void no_goal_no_step(void **state)
{
	struct plan_options options = { 0 };
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	plan_build(&h, NULL, 0, &options, &plan);
	assert_int_equal(plan.step_count, 0);
	assert_int_equal(plan.change_count, 0);
	assert_int_equal(plan.status, STATUS_DONE);
	assert_int_equal(plan.advice_count, 0);
	plan_free(&plan);
	host_free(&h);
}

/* The plan owns its strings: the host may go before it. */
static void plan_outlives_the_host(void **state)
{
	autobuf text = { 0 };
	struct plan plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_conf(&h, ADMIN, "options kvm_intel nested=1\n");
	build(&h, "off", false, &plan);
	host_free(&h);
	act_detail_text(&step_of(&plan, ACT_WRITE_FILE)->act, &text);
	assert_string_equal(text.data, "options kvm_intel ept=0");
	assert_string_equal(plan.effects[0].file, ADMIN);
	plan_free(&plan);
	assert_int_equal(plan.step_count, 0);
	assert_null(plan.steps);
}

static void acts_have_names(void **state)
{
	bool found;

	(void)state;
	for (int kind = ACT_NONE; kind < ACT_KIND_COUNT; kind++) {
		assert_int_equal(act_find(act_name((enum act_kind)kind), &found), kind);
		assert_true(found);
	}
	act_find("reboot", &found);
	assert_false(found);
}

/* ---- another module ---- */

static void npt_param(struct host *h, const char *name, const char *value)
{
	struct module_facts *m = &h->modules[MODULE_KVM_AMD];

	array_push(m->params, m->param_count) =
		(struct param){ .name = xstrdup(name), .value = xstrdup(value) };
}

/* kvm_amd loaded with NPT, on a kernel that shows numbers. */
static void amd_host(struct host *h)
{
	struct module_facts *m = &h->modules[MODULE_KVM_AMD];

	host_make(h);
	h->cpu = (struct cpu_id){ .vendor = "AuthenticAMD", .vmx = NO, .svm = YES };
	h->modules[MODULE_KVM_INTEL].virt.value = NO;
	m->virt.value = m->enabled.value = m->paging.value = m->usable.value = YES;
	m->state = MODULE_STATE_LOADED;
	m->of[SETTING_NPT].now = m->of[SETTING_NPT].next = YES;
	m->of[SETTING_NESTED].now = YES;
	npt_param(h, "npt", "1");
	npt_param(h, "nested", "1");
	npt_param(h, "sev", "1");
	npt_param(h, "avic", "0");
}

static void build_npt(const struct host *h, const char *value, struct plan *ret)
{
	struct goal goal = { .setting = &settings[SETTING_NPT], .value = value };
	struct plan_options options = { 0 };

	plan_build(h, &goal, 1, &options, ret);
}

/* The same steps as for EPT, with the other module's words. */
static void npt_is_planned_as_ept_is(void **state)
{
	char acts[16], backs[16];
	const struct act *check;
	struct plan plan;
	struct host h;

	(void)state;
	amd_host(&h);
	build_npt(&h, "off", &plan);
	assert_int_equal(plan.refusal.code, 0);
	kinds_of(&plan, acts, backs);
	assert_string_equal(acts, "wculpdg");
	assert_string_equal(plan.steps[0].act.text, HEAD "options kvm_amd npt=0\n");
	assert_string_equal(step_of(&plan, ACT_UNLOAD)->act.target, "kvm_amd");
	assert_string_equal(step_of(&plan, ACT_UNLOAD)->back.text, "npt=1");
	assert_string_equal(step_of(&plan, ACT_LOAD)->note, "also turns off: sev");
	check = &step_of(&plan, ACT_CHECK_PARAMS)->act;
	for (size_t i = 0; i < check->expect_count; i++) {
		const struct expect *x = &check->expects[i];

		if (strcmp(x->param, "npt") == 0)
			assert_true(param_same(x->after, "0"));
		else if (strcmp(x->param, "nested") == 0)
			assert_string_equal(x->after, "1");
		else
			assert_null(x->after); /* sev, avic: the kernel's own */
	}
	plan_free(&plan);
	host_free(&h);
}

/* Of a disk that was in a host of the other vendor: each leaves the other's line alone. */
static void lines_of_both_modules(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	amd_host(&h);
	host_conf(&h, OWN_CONF_FILE, OWN_OFF);
	build_npt(&h, "off", &plan);
	assert_string_equal(plan.steps[0].act.text, OWN_OFF "options kvm_amd npt=0\n");
	plan_free(&plan);
	host_free(&h);

	host_make(&h);
	host_ept(&h, false);
	host_conf(&h, OWN_CONF_FILE, OWN_OFF "options kvm_amd npt=0\n");
	build(&h, "on", false, &plan);
	assert_string_equal(plan.steps[0].act.text, HEAD "options kvm_amd npt=0\n");
	plan_free(&plan);
	host_free(&h);
}

/* Each on the other's host: not possible, and the hint names the command that is. */
static void the_other_vendors_setting(void **state)
{
	struct plan plan;
	struct host h;

	(void)state;
	amd_host(&h);
	build(&h, "off", false, &plan);
	assert_int_equal(plan.status, STATUS_IMPOSSIBLE);
	assert_string_equal(plan.refusal.id, "no-virt");
	assert_non_null(strstr(plan.refusal.hint, "kvmtune npt"));
	plan_free(&plan);
	host_free(&h);

	host_make(&h);
	build_npt(&h, "off", &plan);
	assert_int_equal(plan.status, STATUS_IMPOSSIBLE);
	assert_string_equal(plan.refusal.id, "no-virt");
	assert_non_null(strstr(plan.refusal.hint, "kvmtune ept"));
	plan_free(&plan);

	/* A processor with neither has no other command. */
	h.cpu.vmx = NO;
	build_npt(&h, "off", &plan);
	assert_null(strstr(plan.refusal.hint, "kvmtune ept"));
	plan_free(&plan);
	host_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_and_goals),
		cmocka_unit_test(twice_is_empty),
		cmocka_unit_test(refusals_name_cause_and_way_out),
		cmocka_unit_test(only_users_are_shown),
		cmocka_unit_test(order_of_refusals),
		cmocka_unit_test(own_file),
		cmocka_unit_test(others_options_stay),
		cmocka_unit_test(removal_is_not_enough),
		cmocka_unit_test(same_name_elsewhere),
		cmocka_unit_test(reload_of_off),
		cmocka_unit_test(nothing_goes_off_with_on),
		cmocka_unit_test(note_names_what_is_on),
		cmocka_unit_test(options_for_the_rollback),
		cmocka_unit_test(what_is_expected),
		cmocka_unit_test(what_is_expected_beside_effects),
		cmocka_unit_test(other_effects_are_named),
		cmocka_unit_test(confirmed_is_what_wins),
		cmocka_unit_test(on_is_the_default),
		cmocka_unit_test(change_says_what_was),
		cmocka_unit_test(no_goal_no_step),
		cmocka_unit_test(plan_outlives_the_host),
		cmocka_unit_test(acts_have_names),
		cmocka_unit_test(npt_is_planned_as_ept_is),
		cmocka_unit_test(lines_of_both_modules),
		cmocka_unit_test(the_other_vendors_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
