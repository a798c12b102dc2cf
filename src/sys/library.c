// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * library.c - loads a library, see library.h.
 */
#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/*
 * A library and those that it brings along look for a name among themselves first. It would be found
 * anyhow, but after a search of all that the program is linked with: libcrypto alone, which Debian's
 * libkmod brings, has 4,000 names to look up. RTLD_LAZY saves nothing: these libraries are marked to
 * be bound at once. AddressSanitizer has to be found before all others, and refuses.
 */
#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define OWN_FIRST 0
#else
#define OWN_FIRST RTLD_DEEPBIND
#endif

int library_load(const struct library *l, void *table, struct err *e)
{
	void *library = dlopen(l->soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | OWN_FIRST);

	if (!library) {
		err_set(e, -ELIBACC, "%s: %s cannot be loaded", l->failure, l->soname);
		/* Memory, or another library that it needs, may be what is missing. */
		return err_hint(e, "Install the package that has it: %s. The loader says: %s",
				l->packages, dlerror());
	}
	for (size_t i = 0; i < l->count; i++) {
		void *function = dlsym(library, l->functions[i].name);

		if (!function) {
			err_set(e, -ELIBBAD, "%s: %s has no %s", l->failure, l->soname,
				l->functions[i].name);
			return err_hint(e, "Install a newer one: %s.", l->packages);
		}
		memcpy((char *)table + l->functions[i].offset, &function, sizeof(function));
	}
	return 0;
}
