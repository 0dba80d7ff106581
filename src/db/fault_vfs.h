/* A disk in memory for SQLite, which fails when told and loses power: for tests and simulation. Nothing in the
 * program refers to it, so it is not linked into it.
 *
 * Each file has two contents: what a read returns, and what has been synced. Power loss leaves the second,
 * plus, when wanted, any of the 512-byte sectors written since. The same holds for lengths (an extension or
 * a truncation counts when synced) and for names: they count when the folder is synced, which is at the first
 * sync of a journal or log and at those deletions where SQLite asks for it, just as in its unix VFS. The -shm file and all locks are kept in memory and follow
 * SQLite's rules, so that writer and reader connection run just as they do on a real disk.
 *
 * What a test over this proves: that the order of writes and syncs of SQLite, with our settings, and our
 * handling of its errors are right whenever a sector is written whole or not at all and a sync that returned
 * success is true. What it does not prove: that the kernel, the file system and the drive keep to that, that
 * SQLite's unix VFS calls fsync() where it should, or anything about several processes or threads.
 * One thread at a time. */
#ifndef DB_FAULT_VFS_H
#define DB_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

#define FAULT_VFS "fault"

/* Registers the VFS (once) and empties the disk. All files must be closed. */
void fault_vfs_reset(void);
void fault_vfs_clear(void); /* frees everything */

enum {
	FAULT_OPEN = 1,
	FAULT_WRITE = 2, /* of the n-th, half of the bytes are written all the same */
	FAULT_TRUNCATE = 4,
	FAULT_SYNC = 8,
	FAULT_DELETE = 16,
	FAULT_READ = 32,
	FAULT_CHANGES = FAULT_OPEN | FAULT_WRITE | FAULT_TRUNCATE | FAULT_SYNC | FAULT_DELETE
};

struct fault_plan {
	unsigned ops;      /* which calls count and fail, FAULT_ bits */
	uint64_t nth;      /* the first to fail, from 1 */
	bool full;         /* no space (ENOSPC) rather than an input/output error (EIO) */
	bool lasting;      /* all later ones fail, too, until healed */
	bool forgetful;    /* a failed sync drops what it should have written and the next one does not know: Linux */
	const char *under; /* only files whose names begin so count and fail; NULL: all. Lives as long as the plan */
};
void fault_vfs_plan(const struct fault_plan *p); /* counting starts anew */
unsigned fault_vfs_hit(void);                    /* which operation the n-th was; 0: not reached */
uint64_t fault_vfs_count(void);                  /* calls counted since the plan */
void fault_vfs_heal(void);

enum fault_loss { LOSE_UNSYNCED, LOSE_SOME, LOSE_NOTHING /* the process died, the machine did not */ };
/* All files must be closed; heals. The seed decides what LOSE_SOME keeps. */
void fault_vfs_power_loss(enum fault_loss loss, uint64_t seed);
/* The same for one machine of several, whose files' names begin with `under`: only they have to be closed. Another one's
 * plan stays in force. */
void fault_vfs_power_loss_under(const char *under, enum fault_loss loss, uint64_t seed);

#endif
