/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_SLAB_H
#define TOOLS_LINUX_SLAB_H

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/overflow.h>

/*
 * shim_alloc_fail - allocations that still succeed before one fails; negative: none does
 */
extern int shim_alloc_fail;

/* True when the allocation that is about to be made is the one to fail. */
bool shim_alloc_fails(void);

void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *p);
void *kmemdup(const void *p, size_t size, gfp_t gfp);

#define kzalloc(size, gfp)		kmalloc(size, (gfp) | __GFP_ZERO)
#define kmalloc_array(n, size, gfp)	kmalloc(array_size(n, size), gfp)
#define kcalloc(n, size, gfp)		kzalloc(array_size(n, size), gfp)
#define kvmalloc(size, gfp)		kmalloc(size, gfp)
#define kvzalloc(size, gfp)		kzalloc(size, gfp)
#define kvmalloc_array(n, size, gfp)	kmalloc_array(n, size, gfp)
#define kvcalloc(n, size, gfp)		kcalloc(n, size, gfp)
#define kvfree(p)			kfree(p)

DEFINE_FREE(kfree, void *, if (!IS_ERR_OR_NULL(_T)) kfree(_T))
DEFINE_FREE(kvfree, void *, if (!IS_ERR_OR_NULL(_T)) kvfree(_T))

#endif
