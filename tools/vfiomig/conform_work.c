// SPDX-License-Identifier: GPL-2.0
#include "conform.h"
const struct conform_worker *conform_worker_find(const struct vfio_device *device)
{
	(void)device;
	return NULL;
}
