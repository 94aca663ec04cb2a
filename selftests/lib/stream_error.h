/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The errors that mdevsim_state.h lists for a stream that is at fault, for
 * tests in the kernel and in user space.
 */
#ifndef LIB_STREAM_ERROR_H
#define LIB_STREAM_ERROR_H

#include <errno.h>
#include <stdbool.h>

/** stream_error_is_documented - @error, negative, says what is wrong with a stream */
static inline bool stream_error_is_documented(int error)
{
	switch (-error) {
	case EILSEQ:
	case EOPNOTSUPP:
	case EPROTO:
	case EMSGSIZE:
	case EBADMSG:
	case EXDEV:
	case EINVAL:
	case ENODATA:
		return true;
	}
	return false;
}

#endif /* LIB_STREAM_ERROR_H */
