/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries that few runs have a use for are loaded when they are first wanted (decision 025): their headers at build time, a table of
 * functions at run time. Which functions those are stands in a .def beside the only user, FUNCTION(name) each, which includes it twice:
 *
 *	struct png {
 *	#define FUNCTION(name) __typeof__(name) *name;
 *	#include "host/png.def"
 *	#undef FUNCTION
 *	};
 *	static const char *const names[] = {
 *	#define FUNCTION(name) #name,
 *	...
 */
#ifndef RHEA_LIBRARY_H
#define RHEA_LIBRARY_H

#include "base/base.h"

struct library {
	const char *file;    /* as the dynamic linker looks for it: "libpng16.so.16" */
	const char *package; /* Debian's, for the message */
	const char *const *names;
	unsigned n;
};

/*
 * Loads it and fills functions, a struct of pointers to the n functions in the order of their names. False, with *err (may be NULL) and no
 * pointer set, when the host has no such library or one without them. What was loaded stays for the life of the process: glib, which
 * some of them bring, could not be unloaded. So it costs little the second time, and there is nothing to close.
 */
bool library_load(const struct library *l, void *functions, struct rhea_error *err);

#endif
