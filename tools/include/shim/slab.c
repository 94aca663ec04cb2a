// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <linux/slab.h>

int shim_alloc_fail = -1;

bool shim_alloc_fails(void)
{
	if (READ_ONCE(shim_alloc_fail) < 0)
		return false;
	return __atomic_fetch_sub(&shim_alloc_fail, 1, __ATOMIC_RELAXED) == 0;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	if (shim_alloc_fails() || size == SIZE_MAX)
		return NULL;
	return gfp & __GFP_ZERO ? calloc(1, size) : malloc(size);
}

void kfree(const void *p)
{
	free((void *)p);
}

void *kmemdup(const void *p, size_t size, gfp_t gfp)
{
	void *copy = kmalloc(size, gfp);

	return copy ? memcpy(copy, p, size) : NULL;
}
