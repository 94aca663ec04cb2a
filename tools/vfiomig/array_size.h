/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VFIOMIG_ARRAY_SIZE_H
#define VFIOMIG_ARRAY_SIZE_H

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#endif /* VFIOMIG_ARRAY_SIZE_H */
