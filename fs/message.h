/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message: what a mount tells its operator's log, as one closed list. An entry keeps its id for ever,
 * so that rules for alarms may rest on it; custodyfs(8) lists them.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_MESSAGE_H
#define CUSTODY_FS_MESSAGE_H

enum message {
	MESSAGE_MOUNTED,
	MESSAGE_UNMOUNTED,
	MESSAGE_ENDING,
	MESSAGE_IDLE,
	MESSAGE_FAILED,
	MESSAGE_JOURNAL,
	MESSAGE_CHECKPOINT,
	MESSAGE_LOGS,
	MESSAGE_DAMAGED,
	MESSAGE_PENDING,
	MESSAGE_RELEASES,
	MESSAGE_PAGES,
	MESSAGE_CONTAINED,
	MESSAGE_UNCONTAINED,
	MESSAGE_DIED,
	MESSAGES /* how many there are */
};

/* How bad, as syslog(3) counts: LOG_CRIT and so on. */
int message_level(enum message m);
/* 32 hex digits: MESSAGE_ID of systemd.journal-fields(7). Static. */
const char *message_id(enum message m);
/* One word. Static. */
const char *message_name(enum message m);

#endif
