/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * library.h - libraries that are loaded when they are first needed, not linked: those which bring
 * others along that most commands do without, and which cost more than all that such a command does.
 *
 *	struct functions { typeof(&kmod_new) new; ... };
 *	static const struct library_function names[] = { { "kmod_new", offsetof(...) }, ... };
 *	static const struct library libkmod = { .soname = "libkmod.so.2", .functions = names, ... };
 *	DLOPEN_NOTE(note, "modules", "Loads modules", "required", "libkmod.so.2");
 *
 *	library_load(&libkmod, &functions, e);
 */
#ifndef KVMTUNE_LIBRARY_H
#define KVMTUNE_LIBRARY_H

#include <stddef.h>

#include <kvmtune/base.h>
#include <kvmtune/err.h>

/* A function, and where a pointer to it goes in the table of the caller. */
struct library_function {
	const char *name;
	size_t offset;
};

struct library {
	const char *soname;
	const char *failure;  /* message if it cannot be loaded: "cannot talk to systemd" */
	const char *packages; /* that have it */
	const struct library_function *functions;
	size_t count;
};

/*
 * Loads it and fills the table. It stays loaded until the program ends: these are not made for being
 * unloaded. -ELIBACC: it cannot be loaded; -ELIBBAD: it lacks a function. Neither is ever said of a
 * module or a unit: nobody takes the one for the other. The name of the failure is the caller's.
 */
int library_load(const struct library *l, void *table, struct err *e);

/*
 * For packagers: what is loaded without being linked (uapi-group.org, ELF dlopen metadata). All but
 * the first are string constants; "required" or "recommended".
 */
#define DLOPEN_NOTE(variable, feature, description, priority, soname)                              \
	static const struct {                                                                      \
		uint32_t name_size, text_size, type;                                               \
		char name[4];                                                                      \
		_Alignas(uint32_t) char text[sizeof(DLOPEN_TEXT(feature, description, priority,    \
								soname))];                         \
	} variable __attribute__((used, section(".note.dlopen"), aligned(4))) = {                  \
		sizeof("FDO"), sizeof(DLOPEN_TEXT(feature, description, priority, soname)),        \
		0x407c0c0a, "FDO", DLOPEN_TEXT(feature, description, priority, soname)             \
	}
#define DLOPEN_TEXT(feature, description, priority, soname)                                        \
	"[{\"feature\":\"" feature "\",\"description\":\"" description                             \
	"\",\"priority\":\"" priority "\",\"soname\":[\"" soname "\"]}]"

#endif
