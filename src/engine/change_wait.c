// SPDX-License-Identifier: GPL-2.0-or-later
#include "change_wait.h"

#include <errno.h>
#include <unistd.h>

#include <kvmtune/journal.h>
#include <kvmtune/observe.h>
#include <kvmtune/port.h>

#define WAIT_PAUSE_MS 100
#define WAIT_LOOK_MS  2000 /* how often to look who it is, while the count stays the same */

static int64_t waited(const struct waiting *w)
{
	return w->p->system.monotonic_ms(w->p) - w->started;
}

struct waiting wait_begin(struct ports *p, const struct request *request)
{
	return (struct waiting){ .p = p, .request = request, .started = p->system.monotonic_ms(p) };
}

bool may_wait(const struct waiting *w)
{
	const struct request *r = w->request;

	return !r->dry_run && r->wait_ms != WAIT_NOT && waited(w) < r->wait_ms &&
	       !w->p->system.interrupted(w->p);
}

static void tell_and_pause(const struct waiting *w, const struct kvm_users *users,
			   const char *lock_holder)
{
	if (w->request->waiting)
		w->request->waiting(w->request->arg, users, lock_holder, waited(w));
	w->p->system.sleep_ms(w->p, WAIT_PAUSE_MS);
}

/* ---- the lock ---- */

int refuse_locked(struct err *e, const char *holder)
{
	err_set(e, -EWOULDBLOCK, "another kvmtune is running: %s",
		*holder ? holder : "unknown command");
	err_status(e, STATUS_REFUSED, "locked");
	return err_hint(e, "Wait for it with --wait, or try again later.");
}

int state_writable(struct ports *p, const char **ret_path)
{
	static const char *const dirs[] = { STATE_DIR, "/var/lib", "/var", "/" };
	int r = p->file.writable(p, JOURNAL_FILE);

	*ret_path = JOURNAL_FILE;
	if (r < 0 && r != -ENOENT)
		return r;
	r = -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == -ENOENT; i++) {
		*ret_path = dirs[i];
		r = p->file.writable(p, dirs[i]);
	}
	return r;
}

/* What the real run would say: a dry run takes no lock. */
static int check_unlocked(struct ports *p, struct err *e)
{
	autobuf holder = { 0 };

	return p->file.is_locked(p, LOCK_FILE, &holder) ? refuse_locked(e, buf_text(&holder)) : 0;
}

int wait_for_lock(const struct waiting *w, struct err *e)
{
	autofree char *who = xasprintf("kvmtune %s, PID %d\n", w->request->command, (int)getpid());
	struct ports *p = w->p;
	const char *path;
	int r;

	if (p->file.check_own(p, LOCK_FILE, e) < 0)
		return e->code;
	/* Where no journal can be written, nothing is changed: see check_writable() in change.c. */
	if (!p->system.is_root(p) || state_writable(p, &path) < 0)
		return 0;
	if (w->request->dry_run)
		return check_unlocked(p, e);
	for (;;) {
		autobuf holder = { 0 };

		r = p->file.lock(p, LOCK_FILE, who, &holder, e);
		if (r != -EWOULDBLOCK)
			return r;
		if (!may_wait(w))
			return refuse_locked(e, buf_text(&holder));
		err_clear(e);
		tell_and_pause(w, NULL, buf_text(&holder));
	}
}

/* ---- KVM in use ---- */

static int total_refcnt(struct ports *p)
{
	int total = 0;

	for (size_t i = 0; i < MODULE_COUNT; i++) {
		int n = observe_refcnt(p, kvm_modules[i].name);

		total += n > 0 ? n : 0;
	}
	return total;
}

bool kvm_is_used(struct ports *p)
{
	return total_refcnt(p) > 0;
}

void wait_for_kvm(const struct waiting *w, struct kvm_users *users)
{
	int64_t looked = waited(w);
	int last = total_refcnt(w->p), now = last;
	struct err ignored = { 0 };

	while (now > 0 && may_wait(w)) {
		tell_and_pause(w, users, NULL);
		now = total_refcnt(w->p);
		if (now == last && waited(w) - looked < WAIT_LOOK_MS)
			continue;
		looked = waited(w);
		last = now;
		kvm_users_free(users);
		if (now > 0)
			observe_users(w->p, users, &ignored);
	}
}
