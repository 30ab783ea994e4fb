/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/source_path.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Has it a component "..", if both kinds of slashes part components? */
static bool leads_up(const char *p)
{
	while (*p) {
		size_t n = strcspn(p, "/\\");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return true;
		p += n + (p[n] != '\0');
	}
	return false;
}

const char *source_path(char out[SOURCE_PATH_SIZE], const char *name)
{
	size_t n;

	if (!*name)
		return "has an empty name";
	if (*name == '/' || *name == '\\')
		return "has an absolute name";
	if (isalpha((unsigned char)name[0]) && name[1] == ':')
		return "names a drive";
	if (leads_up(name))
		return "leads out of the archive (\"..\")";
	while (name[0] == '.' && name[1] == '/')
		for (name++; *name == '/'; name++)
			;
	n = strlen(name);
	while (n > 0 && name[n - 1] == '/')
		n--;
	if (n == 1 && name[0] == '.')
		n = 0;
	if (n > RECORD_PATH_MAX)
		return "has a name longer than 4095 bytes";
	memcpy(out, name, n);
	out[n] = '\0';
	if (n > 0 && !record_path_ok(out, n))
		return "has a name with an empty component, a \".\", or one longer than 255 bytes";
	return NULL;
}
