// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu.c - the processor: CPUID through libcpuid, and registers that the msr driver shows.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <libcpuid.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void be_silent(const char *message)
{
	(void)message;
}

/* libcpuid knows hypervisors since 0.6. */
#ifdef NUM_HYPERVISOR_VENDORS
static const char *hypervisor_name(struct cpu_raw_data_t *raw, struct cpu_id_t *id)
{
	static const char *const names[NUM_HYPERVISOR_VENDORS] = {
		[HYPERVISOR_BHYVE] = "bhyve",	[HYPERVISOR_HYPERV] = "Hyper-V",
		[HYPERVISOR_KVM] = "KVM",	[HYPERVISOR_PARALLELS] = "Parallels",
		[HYPERVISOR_QEMU] = "QEMU",	[HYPERVISOR_VIRTUALBOX] = "VirtualBox",
		[HYPERVISOR_VMWARE] = "VMware", [HYPERVISOR_XEN] = "Xen",
	};
	/* libcpuid 0.6 wants an identified cpu_id_t here, and asks the live processor. */
	hypervisor_vendor_t vendor = cpuid_get_hypervisor(raw, id);

	return (unsigned)vendor < ARRAY_SIZE(names) && names[vendor] ? names[vendor] : "";
}
#else
static const char *hypervisor_name(struct cpu_raw_data_t *raw, struct cpu_id_t *id)
{
	(void)raw, (void)id;
	return "";
}
#endif

/* Bits of the first leaves, from the registers: libcpuid knows VMX for Intel's own only. */
static void take_bits(const struct cpu_raw_data_t *raw, struct cpu_id *ret)
{
	uint32_t ecx = raw->basic_cpuid[1][2];
	bool extended = raw->ext_cpuid[0][0] >= 0x80000001;

	ret->vmx = ecx >> 5 & 1 ? YES : NO;
	ret->hypervisor = ecx >> 31 & 1 ? YES : NO;
	ret->svm = extended && (raw->ext_cpuid[1][2] >> 2 & 1) ? YES : NO;
}

static int ask_cpu(struct cpu_id *ret, struct err *e)
{
	struct cpu_raw_data_t raw = { 0 };
	struct cpu_id_t id = { 0 };

	cpuid_set_warn_function(be_silent);
	if (!cpuid_present() || cpuid_get_raw_data(&raw) < 0)
		return err_set(e, -EIO, "CPUID cannot be read: %s", cpuid_error());
	*ret = (struct cpu_id){ 0 };
	take_bits(&raw, ret);
	if (cpu_identify(&raw, &id) < 0)
		return 0;
	snprintf(ret->vendor, sizeof(ret->vendor), "%s", id.vendor_str);
	snprintf(ret->brand, sizeof(ret->brand), "%s", id.brand_str);
	if (ret->hypervisor == YES)
		snprintf(ret->hypervisor_name, sizeof(ret->hypervisor_name), "%s",
			 hypervisor_name(&raw, &id));
	return 0;
}

static int cpu_identify_host(struct ports *p, struct cpu_id *ret, struct err *e)
{
	struct sys *s = sys_of(p);
	int r = s->cpu_known ? 0 : ask_cpu(&s->cpu, e);

	if (r < 0)
		return r;
	s->cpu_known = true;
	*ret = s->cpu;
	return 0;
}

static int cpu_read_msr(struct ports *p, unsigned cpu, uint32_t msr, uint64_t *ret)
{
	char path[64];
	autoclose int fd = -1;
	uint64_t value;
	ssize_t n;

	/* Only where the driver is there already: libcpuid's opener would run modprobe. */
	snprintf(path, sizeof(path), "/dev/cpu/%u/msr", cpu);
	fd = sys_open(p, path, O_RDONLY);
	if (fd < 0)
		return fd;
	n = pread(fd, &value, sizeof(value), msr);
	if (n != (ssize_t)sizeof(value))
		return n < 0 ? -errno : -EIO;
	*ret = value;
	return 0;
}

static int no_cpu(struct ports *p, struct cpu_id *ret, struct err *e)
{
	(void)p, (void)ret;
	return err_set(e, -EOPNOTSUPP, "an image has no processor");
}

static int no_cpus(struct ports *p, cpuid_sink sink, void *arg, struct err *e)
{
	(void)p, (void)sink, (void)arg;
	return err_set(e, -EOPNOTSUPP, "an image has no processor");
}

void sys_cpu(struct ports *p)
{
	p->cpu.identify = p->image ? no_cpu : cpu_identify_host;
	p->cpu.read_msr = cpu_read_msr;
	p->cpu.read_all = p->image ? no_cpus : sys_read_all_cpus;
}
