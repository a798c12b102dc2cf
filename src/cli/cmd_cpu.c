// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_cpu.c - the capabilities of this processor, or of one captured into files.
 */
#include "cli.h"

#include <errno.h>
#include <string.h>

#include <kvmtune/cpu.h>
#include <kvmtune/observe.h>
#include <kvmtune/port.h>

/* ---- from files ---- */

static enum exit_status read_file(struct invocation *in, const char *path, struct buf *ret,
				  struct err *e)
{
	int r = in->ports->user.read(in->ports, path, ret);

	if (r == 0)
		return STATUS_DONE;
	if (r == -EFBIG)
		return usage_error(e, "%s is too big", path);
	return usage_error(e, "cannot read %s: %s", path, strerror(-r));
}

/* Adds the name of the file to what a reader found wrong. */
static enum exit_status bad_file(const char *path, struct err *e)
{
	err_wrap(e, "%s", path);
	err_status(e, STATUS_USAGE, "usage");
	return STATUS_USAGE;
}

static enum exit_status read_cpuid_file(struct invocation *in, struct cpu_evidence *ret,
					struct err *e)
{
	autobuf text = { 0 };
	enum exit_status status = read_file(in, in->cpuid_file, &text, e);

	if (status == STATUS_DONE && cpuid_read_dump(buf_text(&text), text.len, &ret->cpuid, e) < 0)
		status = bad_file(in->cpuid_file, e);
	return status;
}

static enum exit_status read_text(struct invocation *in, const char *path, struct buf *ret,
				  struct err *e)
{
	enum exit_status status = read_file(in, path, ret, e);

	if (status == STATUS_DONE && memchr(buf_text(ret), '\0', ret->len))
		return usage_error(e, "%s is not a text file", path);
	return status;
}

static enum exit_status read_msr_file(struct invocation *in, struct cpu_evidence *ret,
				      struct err *e)
{
	autobuf text = { 0 };
	enum exit_status status = read_text(in, in->msr_file, &text, e);

	if (status != STATUS_DONE)
		return status;
	return cpu_read_msrs(buf_text(&text), ret, e) < 0 ? bad_file(in->msr_file, e) : STATUS_DONE;
}

static enum exit_status read_cpuinfo_file(struct invocation *in, struct cpu_evidence *ret,
					  struct err *e)
{
	autobuf text = { 0 };
	enum exit_status status = read_text(in, in->cpuinfo_file, &text, e);

	if (status == STATUS_DONE)
		ret->cpuinfo = buf_steal(&text);
	return status;
}

static enum exit_status read_captured(struct invocation *in, struct cpu_evidence *ret,
				      struct err *e)
{
	enum exit_status status;

	*ret = (struct cpu_evidence){ .module_ept = UNKNOWN, .module_npt = UNKNOWN };
	status = read_cpuid_file(in, ret, e);
	if (status == STATUS_DONE && in->msr_file)
		status = read_msr_file(in, ret, e);
	if (status == STATUS_DONE && in->cpuinfo_file)
		status = read_cpuinfo_file(in, ret, e);
	return status;
}

/* ---- into files ---- */

/* Prints the command that judges these files. */
static void print_command(const struct invocation *in, const struct cpu_evidence *evidence)
{
	autofree char *dir = safe_text(in->capture_dir, 4096);

	if (in->style.quiet)
		return;
	printf("kvmtune cpu --cpuid %s/cpuid.txt --msr %s/msr.txt", dir, dir);
	if (evidence->cpuinfo)
		printf(" --cpuinfo %s/cpuinfo.txt", dir);
	putchar('\n');
}

static enum exit_status capture(struct invocation *in, const struct cpu_evidence *evidence,
				struct err *e)
{
	autobuf cpuid = { 0 }, msr = { 0 };
	struct user_file files[3] = { { .name = "cpuid.txt" }, { .name = "msr.txt" } };
	size_t count = 2;
	int r;

	cpuid_write_dump(&evidence->cpuid, &cpuid);
	cpu_write_msrs(evidence, &msr);
	files[0].text = buf_text(&cpuid);
	files[1].text = buf_text(&msr);
	if (evidence->cpuinfo)
		files[count++] = (struct user_file){ "cpuinfo.txt", evidence->cpuinfo };
	r = in->ports->user.write_dir(in->ports, in->capture_dir, files, count, e);
	if (r == -ENOTEMPTY || r == -EEXIST)
		return usage_error(e, "%s is not empty; nothing was written", in->capture_dir);
	if (r < 0)
		return e->status;
	print_command(in, evidence);
	return STATUS_DONE;
}

/* ---- the answer ---- */

static enum exit_status unknown_name(const char *name, struct err *e)
{
	autobuf names = { 0 };

	for (size_t i = 0; i < CAP_COUNT; i++)
		buf_join(&names, ", ", cpu_cap_names[i].name);
	usage_error(e, "unknown capability \"%s\"", name);
	err_hint(e, "One of: %s", buf_text(&names));
	return STATUS_USAGE;
}

static enum exit_status required(const struct cpu_report *r, enum cpu_cap_id id, struct err *e)
{
	const struct cpu_cap *cap = &r->judgement->caps[id];
	autobuf why = { 0 };

	if (cap->value == YES)
		return STATUS_DONE;
	if (cap->why)
		buf_puts(&why, cap->why);
	for (size_t i = 0; i < cap->source.n && !cap->why; i++)
		buf_join(&why, ", ", cap->source.v[i]);
	if (cap->value == NO) {
		err_set(e, -EOPNOTSUPP, "the processor has no %s: %s", cpu_cap_names[id].name,
			why.len ? why.data : "no source reports it");
		err_status(e, STATUS_IMPOSSIBLE, "no-capability");
	} else {
		err_set(e, -ENODATA, "whether the processor has %s is unknown: %s",
			cpu_cap_names[id].name, why.len ? why.data : "no source reports it");
		err_status(e, STATUS_FAILED, "unknown-capability");
	}
	return e->status;
}

/* All are required: an absent one takes precedence over an unknown one. */
static enum exit_status all_required(const struct invocation *in, const struct cpu_report *r,
				     struct err *e)
{
	for (size_t i = 0; i < in->required_count; i++) {
		struct err of = { 0 };
		enum exit_status status = required(r, cpu_cap_find(in->required[i]), &of);

		if (status != STATUS_DONE && (!e->code || status == STATUS_IMPOSSIBLE))
			*e = of;
		if (status == STATUS_IMPOSSIBLE)
			break;
	}
	return e->code ? e->status : STATUS_DONE;
}

static enum exit_status report(struct invocation *in, const struct cpu_report *r, struct err *e)
{
	if (reports_json(in))
		json_cpu(stdout, r);
	else if (!in->required_count)
		text_cpu(stdout, &in->style, r);
	for (size_t i = 0; !in->style.quiet && !in->reported && i < in->required_count; i++)
		text_capability(stdout, &in->style, r, cpu_cap_find(in->required[i]));
	return all_required(in, r, e);
}

static enum exit_status check_words(const struct invocation *in, struct err *e)
{
	enum exit_status status = no_operands(in, e);

	if (status != STATUS_DONE)
		return status;
	if ((in->msr_file || in->cpuinfo_file) && !in->cpuid_file)
		return usage_error(e, "--msr and --cpuinfo need --cpuid");
	if (in->capture_dir && in->given & (OPT_CPUID | OPT_REQUIRE | OPT_JSON))
		return usage_error(e, "--capture excludes --cpuid, --require and --json");
	for (size_t i = 0; i < in->required_count; i++)
		if (cpu_cap_find(in->required[i]) == CAP_COUNT)
			return unknown_name(in->required[i], e);
	return STATUS_DONE;
}

static enum exit_status judge(struct invocation *in, const struct cpu_evidence *evidence,
			      const struct strv *unseen, struct err *e)
{
	struct cpu_judgement judgement = { 0 };
	struct host host = { 0 };
	const struct cpu_report r = { .host = &host,
				      .evidence = evidence,
				      .judgement = &judgement,
				      .unseen = unseen,
				      .captured = in->cpuid_file };
	enum exit_status status;

	/* Only a document names the host. */
	if (in->given & OPT_JSON && host_observe(in->ports, HOST_LENIENT, &host, e) < 0)
		return e->status;
	cpu_judge(evidence, &judgement);
	status = report(in, &r, e);
	cpu_judgement_free(&judgement);
	host_free(&host);
	return status;
}

enum exit_status cmd_cpu(struct invocation *in, struct err *e)
{
	enum exit_status status = check_words(in, e);
	struct cpu_evidence evidence = { 0 };
	autostrv unseen = { 0 };

	if (status == STATUS_DONE && in->cpuid_file)
		status = read_captured(in, &evidence, e);
	else if (status == STATUS_DONE && observe_evidence(in->ports, &evidence, &unseen, e) < 0)
		status = e->status;
	if (status == STATUS_DONE && in->capture_dir)
		status = capture(in, &evidence, e);
	else if (status == STATUS_DONE)
		status = judge(in, &evidence, &unseen, e);
	cpu_evidence_free(&evidence);
	return status;
}
