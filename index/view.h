/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view: items by when and where they were captured and by plate, as folders of links, three deep:
 *   by-date/2019/05/31/   by-port/2506/2019-05/31/   by-plate/A/AB/ABC123/
 * What an item's provenance does not say (index/facts), it is not found by here. Names are those of
 * index/view_name.
 *
 * Folders and links are entries of one sealed set (index/sorted): of each folder, its subfolders with
 * their names, or its links with their items, at a place that is a keyed hash of the name. So a listing
 * goes on at the right place while links are added, a name is looked up at once, and neither is ever in
 * the index file in the clear. A name once given stays its item's, in this index; of several items with
 * one name the one that was indexed first has it, the others have digits of their ids in theirs.
 *
 * Numbers: a folder's is a keyed hash of its path, a link's is its item's inode number with both upper
 * bits set: nothing needs to be remembered of what was looked at.
 *
 * Thread rule: as index/db.
 */
#ifndef CUSTODY_INDEX_VIEW_H
#define CUSTODY_INDEX_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "index/db.h"
#include "index/record.h"

enum view_kind { VIEW_DATE, VIEW_PORT, VIEW_PLATE, VIEW_KINDS };

#define VIEW_PARENT 2u /* stands above the views; no object's inode number */

const char *view_kind_name(enum view_kind k); /* "by-date" */
/* The number of a view's top folder. */
uint64_t view_top(const uint8_t name_key[32], enum view_kind k);

/* What a number is of. No object has such numbers. */
bool view_is_folder(uint64_t number);
bool view_is_link(uint64_t number);
uint64_t view_link(uint64_t ino);
uint64_t view_item(uint64_t link); /* the item's inode number */
/* A folder's number, from what key_folder() gives. */
uint64_t view_folder(uint64_t number);
/* Where a link of this name is in every folder that has it. */
uint64_t view_place(const uint8_t name_key[32], const char *name);

struct view_entry {
	uint64_t place; /* listing goes on after it */
	uint64_t number;
	char name[RECORD_NAME_MAX + 1];
};
/* ERR_NOTFOUND, ERR_INDEX, ERR_NOMEM. */
int view_lookup(struct db_txn *t, uint64_t folder, const char *name, struct view_entry *en,
		struct err *e);
/* Calls cb for the entries of a folder with place > after, in order of place, until it returns
 * non-zero, which is returned. */
int view_each(struct db_txn *t, uint64_t folder, uint64_t after,
	      int (*cb)(void *ctx, const struct view_entry *en), void *ctx, struct err *e);
/* 0 if the folder has entries, ERR_NOTFOUND if not. */
int view_exists(struct db_txn *t, uint64_t folder, struct err *e);

/* Values of the set: u8 claim, u64 inode number of a link; u8 VIEW_FOLDER, name of a folder. */
#define VIEW_FOLDER 0x10u
#define VIEW_LINK_SIZE 9u

#endif
