/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_path: the names that archives give their members: judged, and made the paths of items.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_SOURCE_PATH_H
#define CUSTODY_FS_SOURCE_PATH_H

#include <stddef.h>

#include "index/record.h"

#define SOURCE_PATH_SIZE (RECORD_PATH_MAX + 1)

/*
 * The path of a member called `name` into out; "" for the archive's own root. Leading "./" and
 * trailing slashes go, all else stays as it is, whatever bytes it is of. NULL, or the end of a
 * sentence about what is wrong with the name: that it is empty, leads out of the archive (on any
 * system: "..", a root, a drive, with either slash), has an empty component or a ".", or is too
 * long.
 */
const char *source_path(char out[SOURCE_PATH_SIZE], const char *name);

#endif
