// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's XArray as far as it is used here: a radix tree of 64-way nodes,
 * in which a bit of each mark says that the slot, or something below it, has it.
 */
#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#define SHIFT	6
#define SLOTS	(1u << SHIFT)
#define FILTERS	(SHIM_XA_MARKS + 1)
#define PRESENT	SHIM_XA_MARKS

/**
 * struct shim_xa_node - one level of the tree
 * @slot: nodes, or entries in the lowest level
 * @marks: by mark, one bit per slot; the last one: the slot is in use
 */
struct shim_xa_node {
	void *slot[SLOTS];
	u64 marks[FILTERS];
};

static unsigned int to_filter(xa_mark_t mark)
{
	return mark == XA_PRESENT ? PRESENT : mark;
}

static unsigned int slot_of(unsigned long index, unsigned int level)
{
	return level * SHIFT >= BITS_PER_LONG ? 0 : index >> level * SHIFT & (SLOTS - 1);
}

/* Is @index one that a tree of so many levels can hold? */
static bool fits(unsigned long index, unsigned int levels)
{
	return levels * SHIFT >= BITS_PER_LONG || !(index >> levels * SHIFT);
}

/* The lowest node over @index, or NULL. */
static struct shim_xa_node *leaf_of(const struct xarray *xa, unsigned long index)
{
	struct shim_xa_node *node = xa->root;
	unsigned int level;

	if (!fits(index, xa->levels))
		return NULL;
	for (level = xa->levels; node && level > 1; level--)
		node = node->slot[slot_of(index, level - 1)];
	return node;
}

static bool grow(struct xarray *xa)
{
	struct shim_xa_node *root = kzalloc(sizeof(*root), GFP_KERNEL);
	unsigned int i;

	if (!root)
		return false;
	root->slot[0] = xa->root;
	for (i = 0; xa->root && i < FILTERS; i++)
		root->marks[i] = !!xa->root->marks[i];
	xa->root = root;
	xa->levels++;
	return true;
}

static struct shim_xa_node *make_leaf(struct xarray *xa, unsigned long index)
{
	struct shim_xa_node *node, *child;
	unsigned int level;

	while (!xa->levels || !fits(index, xa->levels))
		if (!grow(xa))
			return NULL;
	node = xa->root;
	for (level = xa->levels - 1; level; level--, node = child) {
		child = node->slot[slot_of(index, level)];
		if (child)
			continue;
		child = kzalloc(sizeof(*child), GFP_KERNEL);
		if (!child)
			return NULL;
		node->slot[slot_of(index, level)] = child;
	}
	return node;
}

/* Set or clear one filter bit of @index in all levels. Nodes stay until xa_destroy(). */
static void mark(struct xarray *xa, unsigned long index, unsigned int filter, bool set)
{
	struct shim_xa_node *path[BITS_PER_LONG / SHIFT + 2];
	unsigned int level, slot;

	path[xa->levels - 1] = xa->root;
	for (level = xa->levels - 1; level; level--)
		path[level - 1] = path[level]->slot[slot_of(index, level)];
	for (level = 0; level < xa->levels; level++) {
		slot = slot_of(index, level);
		if (set)
			path[level]->marks[filter] |= BIT_ULL(slot);
		else
			path[level]->marks[filter] &= ~BIT_ULL(slot);
		if (!set && path[level]->marks[filter])
			return;
	}
}

static void forget(struct xarray *xa, unsigned long index)
{
	unsigned int i;

	for (i = 0; i < FILTERS; i++)
		mark(xa, index, i, false);
}

static void *load(const struct xarray *xa, unsigned long index)
{
	struct shim_xa_node *leaf = leaf_of(xa, index);

	return leaf ? leaf->slot[slot_of(index, 0)] : NULL;
}

void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp __always_unused)
{
	struct shim_xa_node *leaf;
	void *old;

	lockdep_assert_held(&xa->xa_lock);
	old = load(xa, index);
	if (!entry && !old)
		return NULL;
	leaf = make_leaf(xa, index);
	if (!leaf)
		return ERR_PTR(-ENOMEM);
	leaf->slot[slot_of(index, 0)] = entry;
	if (!entry)
		forget(xa, index);
	else
		mark(xa, index, PRESENT, true);
	return old;
}

void *__xa_erase(struct xarray *xa, unsigned long index)
{
	return __xa_store(xa, index, NULL, 0);
}

static bool get_mark(const struct xarray *xa, unsigned long index, xa_mark_t which)
{
	struct shim_xa_node *leaf = leaf_of(xa, index);

	return leaf && leaf->marks[to_filter(which)] & BIT_ULL(slot_of(index, 0));
}

void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t which)
{
	lockdep_assert_held(&xa->xa_lock);
	if (load(xa, index))
		mark(xa, index, to_filter(which), true);
}

void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t which)
{
	lockdep_assert_held(&xa->xa_lock);
	if (get_mark(xa, index, which))
		mark(xa, index, to_filter(which), false);
}

/* The first index from *@index on in @node that passes the filter. */
static void *find_in(const struct shim_xa_node *node, unsigned int level, unsigned long *index,
		     unsigned int filter)
{
	unsigned int slot = slot_of(*index, level);
	unsigned long base = *index >> level * SHIFT;
	u64 candidates;
	void *entry;

	base = (base - slot) << level * SHIFT;
	for (candidates = node->marks[filter] & (~0ULL << slot); candidates;
	     candidates &= candidates - 1) {
		unsigned int next = __builtin_ctzll(candidates);

		if (next != slot)
			*index = base | (unsigned long)next << level * SHIFT;
		entry = level ? find_in(node->slot[next], level - 1, index, filter) :
				node->slot[next];
		if (entry)
			return entry;
	}
	return NULL;
}

static void *find(const struct xarray *xa, unsigned long *index, unsigned long max,
		  xa_mark_t which)
{
	unsigned long at = *index;
	void *entry;

	if (!xa->root || at > max || !fits(at, xa->levels))
		return NULL;
	entry = find_in(xa->root, xa->levels - 1, &at, to_filter(which));
	if (!entry || at > max)
		return NULL;
	*index = at;
	return entry;
}

static void free_nodes(struct shim_xa_node *node, unsigned int level)
{
	unsigned int i;

	for (i = 0; level && i < SLOTS; i++)
		if (node->slot[i])
			free_nodes(node->slot[i], level - 1);
	kfree(node);
}

void xa_destroy(struct xarray *xa)
{
	if (xa->root)
		free_nodes(xa->root, xa->levels - 1);
	xa->root = NULL;
	xa->levels = 0;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	guard(spinlock)(&xa->xa_lock);
	return load(xa, index);
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	guard(spinlock)(&xa->xa_lock);
	return __xa_store(xa, index, entry, gfp);
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	guard(spinlock)(&xa->xa_lock);
	return __xa_erase(xa, index);
}

int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	guard(spinlock)(&xa->xa_lock);
	if (load(xa, index))
		return -EBUSY;
	return xa_err(__xa_store(xa, index, entry, gfp));
}

bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t which)
{
	guard(spinlock)(&xa->xa_lock);
	return get_mark(xa, index, which);
}

void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t which)
{
	guard(spinlock)(&xa->xa_lock);
	__xa_set_mark(xa, index, which);
}

void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t which)
{
	guard(spinlock)(&xa->xa_lock);
	__xa_clear_mark(xa, index, which);
}

bool xa_marked(struct xarray *xa, xa_mark_t which)
{
	guard(spinlock)(&xa->xa_lock);
	return xa->root && xa->root->marks[to_filter(which)];
}

bool xa_empty(struct xarray *xa)
{
	return !xa_marked(xa, XA_PRESENT);
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	guard(spinlock)(&xa->xa_lock);
	return find(xa, index, max, filter);
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	unsigned long next = *index + 1;
	void *entry;

	guard(spinlock)(&xa->xa_lock);
	entry = next ? find(xa, &next, max, filter) : NULL;
	if (entry)
		*index = next;
	return entry;
}

void *xas_load(struct xa_state *xas)
{
	lockdep_assert_held(&xas->xa->xa_lock);
	xas->fresh = false;
	return load(xas->xa, xas->xa_index);
}

void *xas_next(struct xa_state *xas)
{
	if (!xas->fresh)
		xas->xa_index++;
	return xas_load(xas);
}

void *xas_find_marked(struct xa_state *xas, unsigned long max, xa_mark_t which)
{
	unsigned long next = xas->xa_index + !xas->fresh;
	void *entry;

	lockdep_assert_held(&xas->xa->xa_lock);
	if (next < xas->xa_index)
		return NULL;
	entry = find(xas->xa, &next, max, which);
	if (entry)
		xas_set(xas, next);
	xas->fresh = false;
	return entry;
}

void *xas_find(struct xa_state *xas, unsigned long max)
{
	return xas_find_marked(xas, max, XA_PRESENT);
}

void *xas_store(struct xa_state *xas, void *entry)
{
	WARN_ON(entry && !load(xas->xa, xas->xa_index));
	return __xa_store(xas->xa, xas->xa_index, entry, 0);
}

bool xas_get_mark(const struct xa_state *xas, xa_mark_t which)
{
	return get_mark(xas->xa, xas->xa_index, which);
}

void xas_set_mark(const struct xa_state *xas, xa_mark_t which)
{
	__xa_set_mark(xas->xa, xas->xa_index, which);
}

void xas_clear_mark(const struct xa_state *xas, xa_mark_t which)
{
	__xa_clear_mark(xas->xa, xas->xa_index, which);
}
