/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_FIND_H
#define TOOLS_LINUX_FIND_H

#include <linux/bitops.h>
#include <linux/minmax.h>

/* One bit at a time: what is searched in a test is small. */
static inline unsigned long find_bit_from(const unsigned long *map, unsigned long size,
					  unsigned long bit, bool value)
{
	while (bit < size && test_bit(bit, map) != value)
		bit++;
	return bit < size ? bit : size;
}

#define find_first_bit(map, size)		find_bit_from(map, size, 0, true)
#define find_next_bit(map, size, bit)		find_bit_from(map, size, bit, true)
#define find_first_zero_bit(map, size)		find_bit_from(map, size, 0, false)
#define find_next_zero_bit(map, size, bit)	find_bit_from(map, size, bit, false)

#define for_each_set_bit(bit, map, size)				\
	for ((bit) = find_first_bit(map, size); (bit) < (size);		\
	     (bit) = find_next_bit(map, size, (bit) + 1))
#define for_each_clear_bit(bit, map, size)				\
	for ((bit) = find_first_zero_bit(map, size); (bit) < (size);	\
	     (bit) = find_next_zero_bit(map, size, (bit) + 1))

#endif
