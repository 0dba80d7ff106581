#include "db/fault_vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"

enum { SECTOR = 512, NAME_MAX_ = 500, REGIONS = 64 };

struct image {
	uint8_t *p;
	size_t n, cap;
};

struct inode {
	struct list node;
	char *name;
	bool here, kept; /* the name leads here now; it will after a power loss */
	struct image now, synced;
	size_t low;     /* shortest length since the last sync */
	bool *dirty;    /* sectors of `now` (and cut off from it) that differ from `synced` */
	size_t sectors; /* length of dirty[] */
	void *shm[REGIONS];
};

struct handle {
	sqlite3_file base;
	struct list node;
	struct inode *in;
	int lock;                   /* SQLITE_LOCK_ */
	unsigned shared, exclusive; /* bits of the shared memory's locks */
	bool mapped;
	bool new_log; /* its first sync syncs the folder, too */
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	struct list inodes, handles;
	struct fault_plan plan;
	uint64_t count, random;
	unsigned hit;
	bool registered;
} disk;

/* --- faults --- */

static bool is_under(const char *name, const char *under) { return !under || strncmp(name, under, strlen(under)) == 0; }

static bool fails(unsigned op, const char *name)
{
	if (!(disk.plan.ops & op) || !is_under(name, disk.plan.under))
		return false;
	disk.count++;
	if (disk.count == disk.plan.nth)
		disk.hit = op;
	return disk.count == disk.plan.nth || (disk.plan.lasting && disk.count > disk.plan.nth);
}

void fault_vfs_plan(const struct fault_plan *p)
{
	disk.plan = *p;
	disk.count = 0;
	disk.hit = 0;
}

unsigned fault_vfs_hit(void) { return disk.hit; }

uint64_t fault_vfs_count(void) { return disk.count; }

void fault_vfs_heal(void) { disk.plan.ops = 0; }

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = disk.random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* --- contents --- */

static void image_set_size(struct image *im, size_t n)
{
	if (n > im->cap) {
		im->cap = 2 * n;
		im->p = xrealloc(im->p, im->cap);
	}
	if (n > im->n)
		memset(im->p + im->n, 0, n - im->n);
	im->n = n;
}

static void image_copy(struct image *to, const struct image *from)
{
	image_set_size(to, from->n);
	if (from->n)
		memcpy(to->p, from->p, from->n);
}

static void mark(struct inode *in, size_t from, size_t to)
{
	size_t end = (to + SECTOR - 1) / SECTOR;
	if (end > in->sectors) {
		in->dirty = xrealloc(in->dirty, end);
		memset(in->dirty + in->sectors, 0, end - in->sectors);
		in->sectors = end;
	}
	for (size_t s = from / SECTOR; s < end; s++)
		in->dirty[s] = true;
}

static void write_now(struct inode *in, const void *p, size_t n, size_t at)
{
	size_t old = in->now.n;
	if (at + n > old)
		image_set_size(&in->now, at + n);
	if (n)
		memcpy(in->now.p + at, p, n);
	mark(in, at < old ? at : old, at + n);
}

static void forget_changes(struct inode *in)
{
	if (in->sectors)
		memset(in->dirty, 0, in->sectors);
	in->low = in->now.n;
}

/* Copies sector s of `now` to what survives. */
static void keep_sector(struct inode *in, size_t s)
{
	size_t at = s * SECTOR;
	if (at >= in->now.n)
		return;
	size_t n = in->now.n - at < SECTOR ? in->now.n - at : SECTOR;
	if (in->synced.n < at + n)
		image_set_size(&in->synced, at + n);
	memcpy(in->synced.p + at, in->now.p + at, n);
}

/* Sector by sector, because of what a forgetful sync has dropped for ever. */
static void sync_now(struct inode *in)
{
	if (in->low < in->synced.n)
		image_set_size(&in->synced, in->low);
	for (size_t s = 0; s < in->sectors; s++)
		if (in->dirty[s])
			keep_sector(in, s);
	if (in->now.n < in->synced.n)
		image_set_size(&in->synced, in->now.n);
	forget_changes(in);
}

static void inode_lose(struct inode *in, enum fault_loss loss)
{
	if (loss == LOSE_NOTHING) {
		sync_now(in); /* in time, the kernel does */
		return;
	}
	if (loss == LOSE_SOME && in->low < in->synced.n && next_random() % 2)
		image_set_size(&in->synced, in->low);
	for (size_t s = 0; loss == LOSE_SOME && s < in->sectors; s++)
		if (in->dirty[s] && next_random() % 2)
			keep_sector(in, s);
	image_copy(&in->now, &in->synced);
	forget_changes(in);
}

/* --- names --- */

static struct inode *find(const char *name)
{
	LIST_EACH(node, &disk.inodes) {
		struct inode *in = LIST_ITEM(node, struct inode, node);
		if (in->here && name && strcmp(in->name, name) == 0)
			return in;
	}
	return NULL;
}

static struct inode *make(const char *name)
{
	struct inode *in = xcalloc(1, sizeof(*in));
	in->name = xstrdup(name ? name : "");
	in->here = name != NULL;
	list_append(&disk.inodes, &in->node);
	return in;
}

static void free_shm(struct inode *in)
{
	for (unsigned i = 0; i < REGIONS; i++) {
		xfree(in->shm[i]);
		in->shm[i] = NULL;
	}
}

static void inode_free(struct inode *in)
{
	list_remove(&in->node);
	free_shm(in);
	xfree(in->name);
	xfree(in->now.p);
	xfree(in->synced.p);
	xfree(in->dirty);
	xfree(in);
}

/* From now on a power loss leaves all names as they are in the folder of this file. */
static void sync_folder(const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) + 1 : 0;

	LIST_EACH(node, &disk.inodes) {
		struct inode *in = LIST_ITEM(node, struct inode, node);
		if (strncmp(in->name, name, n) == 0)
			in->kept = in->here;
	}
}

static struct inode *kept_under(const char *name)
{
	LIST_EACH(node, &disk.inodes) {
		struct inode *in = LIST_ITEM(node, struct inode, node);
		if (in->kept && strcmp(in->name, name) == 0)
			return in;
	}
	return NULL;
}

/* One of those that had this name gets it: the durable one, or the present one. */
static void lose_name(const char *name, enum fault_loss loss)
{
	struct inode *now = find(name), *kept = kept_under(name);
	struct inode *left = loss == LOSE_NOTHING || (loss == LOSE_SOME && next_random() % 2) ? now : kept;
	if (now)
		now->here = false;
	if (kept)
		kept->kept = false;
	if (left)
		left->here = left->kept = true;
}

static bool is_open_under(const char *under)
{
	LIST_EACH(node, &disk.handles) {
		if (is_under(LIST_ITEM(node, struct handle, node)->in->name, under))
			return true;
	}
	return false;
}

void fault_vfs_power_loss_under(const char *under, enum fault_loss loss, uint64_t seed)
{
	must(!is_open_under(under));
	disk.random = seed;
	LIST_EACH(node, &disk.inodes) {
		struct inode *in = LIST_ITEM(node, struct inode, node);
		if (in->here != in->kept && is_under(in->name, under))
			lose_name(in->name, loss);
	}
	LIST_EACH(node, &disk.inodes) {
		struct inode *in = LIST_ITEM(node, struct inode, node);
		if (!is_under(in->name, under))
			continue;
		if (in->here)
			inode_lose(in, loss);
		else
			inode_free(in);
	}
}

void fault_vfs_power_loss(enum fault_loss loss, uint64_t seed)
{
	fault_vfs_power_loss_under(NULL, loss, seed);
	fault_vfs_heal();
}

void fault_vfs_clear(void)
{
	if (!disk.registered)
		return;
	must(list_empty(&disk.handles));
	LIST_EACH(node, &disk.inodes)
		inode_free(LIST_ITEM(node, struct inode, node));
	fault_vfs_heal();
}

/* --- a file, as SQLite sees it --- */

static int x_close(sqlite3_file *f)
{
	struct handle *h = (struct handle *)f;
	list_remove(&h->node);
	if (!h->in->here && !h->in->kept) {
		bool used = false;
		LIST_EACH(node, &disk.handles)
			used |= LIST_ITEM(node, struct handle, node)->in == h->in;
		if (!used)
			inode_free(h->in);
	}
	return SQLITE_OK;
}

static int x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	const struct inode *in = ((struct handle *)f)->in;
	const struct image *im = &in->now;
	if (fails(FAULT_READ, in->name))
		return SQLITE_IOERR_READ;
	size_t have = (size_t)at < im->n ? im->n - (size_t)at : 0;
	if (have > (size_t)n)
		have = (size_t)n;
	if (have)
		memcpy(p, im->p + at, have);
	memset((char *)p + have, 0, (size_t)n - have);
	return have == (size_t)n ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct inode *in = ((struct handle *)f)->in;
	if (!fails(FAULT_WRITE, in->name)) {
		write_now(in, p, (size_t)n, (size_t)at);
		return SQLITE_OK;
	}
	if (disk.count == disk.plan.nth)
		write_now(in, p, (size_t)n / 2, (size_t)at);
	return disk.plan.full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct inode *in = ((struct handle *)f)->in;
	if (fails(FAULT_TRUNCATE, in->name))
		return SQLITE_IOERR_TRUNCATE;
	size_t old = in->now.n, n = (size_t)size;
	image_set_size(&in->now, n);
	mark(in, n < old ? n : old, n < old ? old : n);
	if (n < in->low)
		in->low = n;
	return SQLITE_OK;
}

static int x_sync(sqlite3_file *f, int flags)
{
	struct handle *h = (struct handle *)f;
	if (fails(FAULT_SYNC, h->in->name)) {
		if (disk.plan.forgetful)
			forget_changes(h->in);
		return SQLITE_IOERR_FSYNC;
	}
	sync_now(h->in);
	if (h->new_log)
		sync_folder(h->in->name);
	h->new_log = false;
	return SQLITE_OK;
}

static int x_file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)((struct handle *)f)->in->now.n;
	return SQLITE_OK;
}

/* The strongest lock that another handle has on the same file. */
static int others(const struct handle *h)
{
	int lock = SQLITE_LOCK_NONE;
	LIST_EACH(node, &disk.handles) {
		const struct handle *o = LIST_ITEM(node, struct handle, node);
		if (o != h && o->in == h->in && o->lock > lock)
			lock = o->lock;
	}
	return lock;
}

static int x_lock(sqlite3_file *f, int lock)
{
	struct handle *h = (struct handle *)f;
	/* the strongest of another's that does not stand in the way of this one */
	static const int allowed[] = {
		[SQLITE_LOCK_SHARED] = SQLITE_LOCK_RESERVED,
		[SQLITE_LOCK_RESERVED] = SQLITE_LOCK_SHARED,
		[SQLITE_LOCK_EXCLUSIVE] = SQLITE_LOCK_NONE,
	};
	if (h->lock >= lock)
		return SQLITE_OK;
	if (others(h) > allowed[lock])
		return SQLITE_BUSY;
	h->lock = lock;
	return SQLITE_OK;
}

static int x_unlock(sqlite3_file *f, int lock)
{
	((struct handle *)f)->lock = lock;
	return SQLITE_OK;
}

static int x_check_reserved(sqlite3_file *f, int *ret)
{
	*ret = others((struct handle *)f) >= SQLITE_LOCK_RESERVED || ((struct handle *)f)->lock >= SQLITE_LOCK_RESERVED;
	return SQLITE_OK;
}

static int x_control(sqlite3_file *f, int op, void *arg) { return SQLITE_NOTFOUND; }

static int x_sector_size(sqlite3_file *f) { return SECTOR; }

/* As the unix VFS says by default: writing part of a sector never harms the rest of it. */
static int x_characteristics(sqlite3_file *f) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

static int x_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **ret)
{
	struct inode *in = ((struct handle *)f)->in;
	must(region < REGIONS);
	((struct handle *)f)->mapped = true;
	if (!in->shm[region] && extend)
		in->shm[region] = xcalloc(1, (size_t)size);
	*ret = in->shm[region];
	return SQLITE_OK;
}

static int x_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	struct handle *h = (struct handle *)f;
	unsigned bits = ((1u << n) - 1) << at, shared = 0, exclusive = 0;
	if (flags & SQLITE_SHM_UNLOCK) {
		h->shared &= ~bits;
		h->exclusive &= ~bits;
		return SQLITE_OK;
	}
	LIST_EACH(node, &disk.handles) {
		const struct handle *o = LIST_ITEM(node, struct handle, node);
		if (o != h && o->in == h->in) {
			shared |= o->shared;
			exclusive |= o->exclusive;
		}
	}
	if ((exclusive & bits) || ((flags & SQLITE_SHM_EXCLUSIVE) && (shared & bits)))
		return SQLITE_BUSY;
	if (flags & SQLITE_SHM_EXCLUSIVE)
		h->exclusive |= bits;
	else
		h->shared |= bits;
	return SQLITE_OK;
}

static void x_shm_barrier(sqlite3_file *f) {}

/* Gone with the last that uses it. On a real disk the file may stay, and whoever is the first to use it again
 * empties it. */
static int x_shm_unmap(sqlite3_file *f, int remove)
{
	struct handle *h = (struct handle *)f;
	bool used = false;
	h->shared = h->exclusive = 0;
	h->mapped = false;
	LIST_EACH(node, &disk.handles) {
		const struct handle *o = LIST_ITEM(node, struct handle, node);
		used |= o->in == h->in && o->mapped;
	}
	if (!used)
		free_shm(h->in);
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = x_close,
	.xRead = x_read,
	.xWrite = x_write,
	.xTruncate = x_truncate,
	.xSync = x_sync,
	.xFileSize = x_file_size,
	.xLock = x_lock,
	.xUnlock = x_unlock,
	.xCheckReservedLock = x_check_reserved,
	.xFileControl = x_control,
	.xSectorSize = x_sector_size,
	.xDeviceCharacteristics = x_characteristics,
	.xShmMap = x_shm_map,
	.xShmLock = x_shm_lock,
	.xShmBarrier = x_shm_barrier,
	.xShmUnmap = x_shm_unmap,
};

/* --- the file system --- */

static int x_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct handle *h = (struct handle *)f;
	struct inode *in = find(name);
	memset(h, 0, sizeof(*h));
	if (fails(FAULT_OPEN, name ? name : "") || (!in && !(flags & SQLITE_OPEN_CREATE)))
		return SQLITE_CANTOPEN;
	h->in = in ? in : make(name);
	h->base.pMethods = &methods;
	h->new_log = (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
	list_append(&disk.handles, &h->node);
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int x_delete(sqlite3_vfs *v, const char *name, int durable)
{
	struct inode *in = find(name);
	if (fails(FAULT_DELETE, name))
		return SQLITE_IOERR_DELETE;
	if (!in)
		return SQLITE_IOERR_DELETE_NOENT;
	in->here = false;
	if (durable)
		sync_folder(name);
	return SQLITE_OK;
}

static int x_access(sqlite3_vfs *v, const char *name, int flags, int *ret)
{
	const struct inode *in = find(name);
	*ret = in && (flags != SQLITE_ACCESS_EXISTS || in->now.n > 0); /* as the unix VFS */
	return SQLITE_OK;
}

static int x_full_path(sqlite3_vfs *v, const char *name, int size, char *ret)
{
	return snprintf(ret, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int x_randomness(sqlite3_vfs *v, int n, char *ret) { return disk.real->xRandomness(disk.real, n, ret); }

static int x_sleep(sqlite3_vfs *v, int us) { return us; /* nobody else moves meanwhile */ }

static int x_time(sqlite3_vfs *v, double *ret) { return disk.real->xCurrentTime(disk.real, ret); }

static int x_last_error(sqlite3_vfs *v, int n, char *text) { return disk.plan.full ? ENOSPC : EIO; }

void fault_vfs_reset(void)
{
	fault_vfs_clear();
	if (disk.registered)
		return;
	list_init(&disk.inodes);
	list_init(&disk.handles);
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = (sqlite3_vfs){
		.iVersion = 1,
		.szOsFile = sizeof(struct handle),
		.mxPathname = NAME_MAX_,
		.zName = FAULT_VFS,
		.xOpen = x_open,
		.xDelete = x_delete,
		.xAccess = x_access,
		.xFullPathname = x_full_path,
		.xRandomness = x_randomness,
		.xSleep = x_sleep,
		.xCurrentTime = x_time,
		.xGetLastError = x_last_error,
	};
	must(sqlite3_vfs_register(&disk.vfs, 0) == SQLITE_OK);
	disk.registered = true;
}
