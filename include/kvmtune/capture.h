/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.h - a whole host as files, for a bug report: what kvmtune read of it, scrubbed.
 *
 *	host_capture(ports, &evidence, &unseen, &capture, &e)
 *	ports->user.write_dir(ports, dir, capture.files, capture.count, &e)
 *	capture_free(&capture)
 *
 * root/ is the files, so that `kvmtune --root DIR/root` works on it; fake/ is what is no file, in the
 * form that the tests' made-up hosts have (tests/lib/fake_ports.c). Beside them cpuid.txt, msr.txt and
 * cpuinfo.txt. Whose host it is is not in there: see scrub.h.
 */
#ifndef KVMTUNE_CAPTURE_H
#define KVMTUNE_CAPTURE_H

#include <kvmtune/cpu.h>
#include <kvmtune/port.h>

struct capture {
	struct user_file *files; /* texts and names belong to the capture */
	size_t count;
	struct strv unread; /* what of the host could not be read, and why */
	struct strv
		left_out; /* files that were read, and of which it is not known what is private */
};

/* The three files of the processor alone. */
void cpu_capture(const struct cpu_evidence *evidence, struct capture *ret);
/* The whole host, with those three. Nothing is changed on the host. */
int host_capture(struct ports *p, const struct cpu_evidence *evidence, struct capture *ret,
		 struct err *e);
void capture_free(struct capture *c);

#endif
