/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The description, in JSON, that QEMU puts behind its migration file: the only
 * place that says how long a section of device state is.
 */
#ifndef VFIOMIG_QEMU_VMDESC_H
#define VFIOMIG_QEMU_VMDESC_H

#include <stdint.h>
#include "file.h"

/**
 * qemu_vmdesc_size - length of the body of a section of type FULL
 * @file: a migration file; its position stays where it is
 * @name: of the section
 * @instance: of the section
 * @size: where the length goes
 *
 * Return: NULL, or why the length cannot be told.
 */
const char *qemu_vmdesc_size(const struct file *file, const char *name, uint32_t instance,
			     uint64_t *size);

#endif /* VFIOMIG_QEMU_VMDESC_H */
