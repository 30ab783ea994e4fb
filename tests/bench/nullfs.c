// SPDX-License-Identifier: Apache-2.0
/*
 * nullfs THREADS MOUNTPOINT: a read-only FUSE file system that has the names and sizes of the list
 * on standard input, and zeros for content: what FUSE alone costs, and so the ceiling of every
 * other one here. In the foreground, until unmounted.
 *
 * Inode number i + 1 is node[i]; node[0] is the root, and a folder comes before what it holds.
 */
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <stdbool.h>
#include <sys/stat.h>

#include "tests/bench/corpus.h"

#define TIMEOUT 3600.0
#define READ_MAX ((size_t)1 << 20)

struct node {
	size_t parent, child, next; /* node numbers; 0: none */
	uint64_t size;
	bool folder;
	char name[CORPUS_PATH_MAX];
};

struct tree {
	struct node *node;
	size_t n, cap;
	char *zeros; /* READ_MAX */
};

static size_t add(struct tree *t, size_t parent, const char *name)
{
	struct node *p = &t->node[t->n];

	if (t->n == t->cap)
		corpus_die("more folders than files");
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->parent = parent;
	p->next = t->node[parent].child;
	t->node[parent].child = t->n;
	return t->n++;
}

static size_t find(const struct tree *t, size_t parent, const char *name)
{
	size_t i = t->node[parent].child;

	while (i && strcmp(t->node[i].name, name) != 0)
		i = t->node[i].next;
	return i;
}

static void add_path(struct tree *t, const struct corpus_file *f)
{
	char path[CORPUS_PATH_MAX], *save = NULL, *part, *next;
	size_t at = 0, child;

	memcpy(path, f->path, sizeof(path));
	for (part = strtok_r(path, "/", &save); part; part = next) {
		next = strtok_r(NULL, "/", &save);
		/* Files are not looked for: the list has each once. */
		child = next ? find(t, at, part) : 0;
		if (!child)
			child = add(t, at, part);
		at = child;
		t->node[at].folder = next != NULL;
	}
	t->node[at].size = f->size;
}

static void attr(const struct tree *t, size_t i, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = i + 1;
	st->st_mode = t->node[i].folder ? S_IFDIR | 0555 : S_IFREG | 0444;
	st->st_nlink = 1;
	st->st_size = (off_t)t->node[i].size;
}

static void entry(const struct tree *t, size_t i, struct fuse_entry_param *en)
{
	memset(en, 0, sizeof(*en));
	en->ino = i + 1;
	en->attr_timeout = TIMEOUT;
	en->entry_timeout = TIMEOUT;
	attr(t, i, &en->attr);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct tree *t = fuse_req_userdata(req);
	struct fuse_entry_param en;
	size_t i = find(t, parent - 1, name);

	entry(t, i, &en);
	if (i)
		fuse_reply_entry(req, &en);
	else
		fuse_reply_err(req, ENOENT);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	attr(fuse_req_userdata(req), ino - 1, &st);
	fuse_reply_attr(req, &st, TIMEOUT);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->keep_cache = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	const struct tree *t = fuse_req_userdata(req);
	uint64_t end = t->node[ino - 1].size, from = (uint64_t)off;

	(void)fi;
	if (size > READ_MAX)
		size = READ_MAX;
	if (from >= end)
		size = 0;
	else if (size > end - from)
		size = (size_t)(end - from);
	fuse_reply_buf(req, t->zeros, size);
}

/* A position is the number of the node that comes next, plus one. */
static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	const struct tree *t = fuse_req_userdata(req);
	size_t i = off ? (size_t)off - 1 : t->node[ino - 1].child, n = 0, need;
	char *buf = malloc(size);

	if (!buf)
		corpus_die("memory");
	for (; i; i = t->node[i].next, n += need) {
		struct fuse_entry_param en;
		off_t next = (off_t)t->node[i].next + 1;

		entry(t, i, &en);
		need = plus ? fuse_add_direntry_plus(req, buf + n, size - n, t->node[i].name, &en,
						     next) :
			      fuse_add_direntry(req, buf + n, size - n, t->node[i].name, &en.attr,
						next);
		if (need > size - n)
			break;
	}
	fuse_reply_buf(req, buf, n);
	free(buf);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			   struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, true);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.open = op_open,
	.read = op_read,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
};

static int serve(struct fuse_session *se, unsigned threads)
{
	struct fuse_loop_config *cfg = fuse_loop_cfg_create();
	int rc;

	fuse_loop_cfg_set_max_threads(cfg, threads);
	fuse_loop_cfg_set_idle_threads(cfg, threads);
	rc = fuse_session_loop_mt(se, cfg);
	fuse_loop_cfg_destroy(cfg);
	return rc;
}

int main(int argc, char **argv)
{
	char *words[] = {argv[0], (char[]){"-oro,subtype=null"}};
	struct fuse_args args = FUSE_ARGS_INIT(2, words);
	struct fuse_session *se;
	struct tree t = {0};
	struct corpus c;

	if (argc != 3) {
		fprintf(stderr, "usage: nullfs THREADS MOUNTPOINT <LIST\n");
		return 2;
	}
	c = corpus_read();
	t.cap = 2 * c.n + 16;
	t.node = calloc(t.cap, sizeof(*t.node));
	t.zeros = calloc(1, READ_MAX);
	if (!t.node || !t.zeros)
		corpus_die("memory");
	t.node[0].folder = true;
	t.n = 1;
	for (size_t i = 0; i < c.n; i++)
		add_path(&t, &c.file[i]);
	se = fuse_session_new(&args, &ops, sizeof(ops), &t);
	if (!se || fuse_set_signal_handlers(se) != 0 || fuse_session_mount(se, argv[2]) != 0)
		corpus_die(argv[2]);
	serve(se, (unsigned)corpus_number(argv[1]));
	fuse_session_unmount(se);
	fuse_remove_signal_handlers(se);
	fuse_session_destroy(se);
	free(t.node);
	free(t.zeros);
	return 0;
}
