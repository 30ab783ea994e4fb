// SPDX-License-Identifier: Apache-2.0
#include "fs/message.h"

#include <syslog.h>

/* man/custodyfs.8 has the same list, and tests/cli/docs.bats compares them: a row a line. */
/* clang-format off */
static const struct {
	int level;
	const char *name, *id;
} table[MESSAGES] = {
	[MESSAGE_MOUNTED] = {LOG_INFO, "mounted", "7411e28593a142f7851d577e71f762dc"},
	[MESSAGE_UNMOUNTED] = {LOG_INFO, "unmounted", "42e42d707c5446949a816786b880a1bf"},
	[MESSAGE_ENDING] = {LOG_INFO, "ending", "ea3e1714e38c4dfc8edf0b4cdd8b611b"},
	[MESSAGE_IDLE] = {LOG_INFO, "idle", "426d6d72c0584352abab2c51d0909953"},
	[MESSAGE_FAILED] = {LOG_CRIT, "failed", "194ebb5d18d4472a92549a2cbf515303"},
	[MESSAGE_JOURNAL] = {LOG_CRIT, "journal", "bc24b3e7602b4f689778a51eb95b0d03"},
	[MESSAGE_CHECKPOINT] = {LOG_CRIT, "checkpoint", "5c36c1b402c14d2a98d1cf408a97c44d"},
	[MESSAGE_LOGS] = {LOG_CRIT, "logs", "e452fbfc320c4f408c3bfef7c60742c5"},
	[MESSAGE_DAMAGED] = {LOG_ERR, "damaged", "51a7eb147b1f40e0be19e2cc5efbe337"},
	[MESSAGE_PENDING] = {LOG_WARNING, "pending", "ef1b2fb923a845869755a9b0bc0ff589"},
	[MESSAGE_RELEASES] = {LOG_ERR, "releases", "b97409b458db4fbc903d8bf9a3a098f3"},
	[MESSAGE_PAGES] = {LOG_WARNING, "pages", "c52f17326bd442119467898defddcb56"},
	[MESSAGE_CONTAINED] = {LOG_INFO, "contained", "659e42c811d14b53929d14ed7c31b82f"},
	[MESSAGE_UNCONTAINED] = {LOG_WARNING, "uncontained", "3701085d6f874e13a1a16b6328a65a99"},
	[MESSAGE_DIED] = {LOG_CRIT, "died", "d1471c196afa4b0f8255a0de1d14e64a"},
};
/* clang-format on */

int message_level(enum message m)
{
	return table[m].level;
}

const char *message_id(enum message m)
{
	return table[m].id;
}

const char *message_name(enum message m)
{
	return table[m].name;
}
