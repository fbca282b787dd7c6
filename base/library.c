/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a library. All symbols are resolved at once: a library that lacks one is an error here, not the end of the process later on. */
#include <assert.h>
#include <dlfcn.h>
#include <string.h>

#include "base/library.h"

#define MOST_FUNCTIONS 64u

static bool refuse(const struct library *l, struct rhea_error *err)
{
	const char *why = dlerror();
	error_set(err, RHEA_ERR_HOST, "%s is missing (Debian's package %s has it): %s", l->file, l->package, why ? why : "unknown reason");
	return false;
}

bool library_load(const struct library *l, void *functions, struct rhea_error *err)
{
	void *found[MOST_FUNCTIONS];
	void *lib = dlopen(l->file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	assert(l->n <= MOST_FUNCTIONS);
	if (!lib)
		return refuse(l, err);
	for (unsigned i = 0; i < l->n; i++) {
		found[i] = dlsym(lib, l->names[i]);
		if (!found[i])
			return refuse(l, err);
	}
	memcpy(functions, found, l->n * sizeof *found);
	return true;
}
