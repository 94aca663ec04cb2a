/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a reader of the first version makes of streams of today.
 */
#ifndef LIB_STREAM_OLDEST_H
#define LIB_STREAM_OLDEST_H

#include "stream.h"

/**
 * stream_oldest_reads - would a driver that knows version 1.0 only take a sound stream?
 *
 * One of version 1.0 consists of what that version has; whatever else is in a later one is
 * marked optional.
 *
 * Return: "reads", or what in the stream it would refuse.
 */
const char *stream_oldest_reads(const struct stream *stream);

#endif /* LIB_STREAM_OLDEST_H */
