// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu_msr.c - the evidence about a processor that is not CPUID: model-specific registers as text,
 * words of /proc/cpuinfo.
 */
#include <kvmtune/cpu.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Linux cannot have more processors; a few registers of each are asked for. */
#define CPUS_MAX 8192
#define MSRS_MAX (CPUS_MAX * 16)

void cpu_evidence_free(struct cpu_evidence *e)
{
	cpuid_dump_free(&e->cpuid);
	free(e->msrs);
	free(e->cpuinfo);
	*e = (struct cpu_evidence){ 0 };
}

/* The next word of the line at *at into ret, cut to its size: such a word is no number. */
static bool next_word(const char **at, char *ret, size_t size)
{
	const char *start = *at + strspn(*at, " \t\r");
	size_t len = strcspn(start, " \t\r\n");

	*at = start + len;
	if (!len || len >= size)
		return false;
	memcpy(ret, start, len);
	ret[len] = '\0';
	return true;
}

static bool take_hex(const char **at, uint64_t max, uint64_t *ret)
{
	char word[20];

	return next_word(at, word, sizeof(word)) && starts_with(word, "0x") &&
	       parse_u64(word, ret) == 0 && *ret <= max;
}

static bool take_msr(const char *line, struct msr_value *ret)
{
	uint64_t cpu, msr;
	char word[8];

	if (!next_word(&line, word, sizeof(word)) || strspn(word, "0123456789") != strlen(word) ||
	    parse_u64(word, &cpu) < 0 || cpu >= CPUS_MAX)
		return false;
	if (!take_hex(&line, UINT32_MAX, &msr) || !take_hex(&line, UINT64_MAX, &ret->value))
		return false;
	ret->cpu = (unsigned)cpu;
	ret->msr = (uint32_t)msr;
	line += strspn(line, " \t\r");
	return *line == '\0' || *line == '\n';
}

static int read_values(const char *text, struct msr_value **ret, size_t *ret_count, struct err *e)
{
	const char *end;
	size_t number = 1;

	for (const char *line = text; *line; line = end + (*end == '\n'), number++) {
		struct msr_value value;

		end = line + strcspn(line, "\n");
		line += strspn(line, " \t\r");
		if (line == end || *line == '#')
			continue;
		if (!take_msr(line, &value))
			return err_set(e, -EINVAL,
				       "line %zu is not 'CPU 0xMSR 0xVALUE', as in '0 0x48b 0x0'",
				       number);
		if (*ret_count == MSRS_MAX)
			return err_set(e, -E2BIG, "line %zu: more than %d registers", number,
				       MSRS_MAX);
		array_push(*ret, *ret_count) = value;
	}
	return 0;
}

int cpu_read_msrs(const char *text, struct cpu_evidence *ret, struct err *e)
{
	autofree struct msr_value *values = NULL;
	size_t count = 0;
	int r = read_values(text, &values, &count, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		array_push(ret->msrs, ret->msr_count) = values[i];
	return 0;
}

void cpu_write_msrs(const struct cpu_evidence *e, struct buf *ret)
{
	for (size_t i = 0; i < e->msr_count; i++)
		buf_printf(ret, "%u 0x%" PRIx32 " 0x%" PRIx64 "\n", e->msrs[i].cpu, e->msrs[i].msr,
			   e->msrs[i].value);
}

bool cpu_msr(const struct cpu_evidence *e, uint32_t msr, uint64_t *ret)
{
	for (size_t i = 0; i < e->msr_count; i++) {
		/* All of one processor: two that differ must not be mixed. */
		if (e->msrs[i].msr != msr || e->msrs[i].cpu != e->msrs[0].cpu)
			continue;
		*ret = e->msrs[i].value;
		return true;
	}
	return false;
}

enum tri cpu_info_has(const char *cpuinfo, const char *key, const char *word)
{
	size_t key_len = strlen(key), word_len = strlen(word);
	const char *line = cpuinfo ? cpuinfo : "", *end, *at;

	for (; *line && *line != '\n'; line = end + (*end == '\n')) {
		end = line + strcspn(line, "\n");
		if (strncmp(line, key, key_len) != 0 ||
		    line[key_len + strspn(line + key_len, " \t")] != ':')
			continue;
		at = strchr(line + key_len, ':') + 1;
		for (; at < end; at += strcspn(at, " \t\r\n")) {
			at += strspn(at, " \t\r");
			if (strncmp(at, word, word_len) == 0 && strchr(" \t\r\n", at[word_len]))
				return YES;
		}
		return NO;
	}
	return UNKNOWN;
}

/*
 * arch/x86/kernel/cpu/feat_ctl.c, cpu/amd.c (since 6.7) and kvm/svm/svm.c. No word of kvm_intel: it
 * goes by the flag, which clearcpuid= hides, too.
 */
bool cpu_log_blames_firmware(const char *log, bool svm)
{
	static const char *const vmx_messages[] = { "x86/cpu: VMX (outside TXT) disabled by BIOS",
						    "x86/cpu: VMX (inside TXT) disabled by BIOS" },
				 *const svm_messages[] = {
					 "SVM disabled (by BIOS) in MSR_VM_CR",
					 "kvm_amd: SVM disabled (by BIOS) in MSR_VM_CR"
				 };
	const char *const *messages = svm ? svm_messages : vmx_messages;

	while (*log) {
		for (size_t i = 0; i < ARRAY_SIZE(vmx_messages); i++)
			if (starts_with(log, messages[i]))
				return true;
		log += strcspn(log, "\n");
		log += *log == '\n';
	}
	return false;
}
