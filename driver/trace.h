/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mdevsim

#if !defined(MDEVSIM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MDEVSIM_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>
#include "state_stream.h"

TRACE_EVENT(mdevsim_region,
	TP_PROTO(const char *device, unsigned int region, u32 offset, unsigned int width,
		 u64 value, bool write),
	TP_ARGS(device, region, offset, width, value, write),
	TP_STRUCT__entry(
		__string(device, device)
		__field(unsigned int, region)
		__field(u32, offset)
		__field(unsigned int, width)
		__field(u64, value)
		__field(bool, write)
	),
	TP_fast_assign(
		mdevsim_assign_str(device, device);
		__entry->region = region;
		__entry->offset = offset;
		__entry->width = width;
		__entry->value = value;
		__entry->write = write;
	),
	TP_printk("%s %s region=%u offset=0x%x width=%u value=0x%llx", __get_str(device),
		  __entry->write ? "write" : "read", __entry->region, __entry->offset,
		  __entry->width, __entry->value)
);

TRACE_EVENT(mdevsim_dma,
	TP_PROTO(const char *device, u64 iova, size_t length, bool write, int error),
	TP_ARGS(device, iova, length, write, error),
	TP_STRUCT__entry(
		__string(device, device)
		__field(u64, iova)
		__field(size_t, length)
		__field(bool, write)
		__field(int, error)
	),
	TP_fast_assign(
		mdevsim_assign_str(device, device);
		__entry->iova = iova;
		__entry->length = length;
		__entry->write = write;
		__entry->error = error;
	),
	TP_printk("%s %s iova=0x%llx length=%zu error=%d", __get_str(device),
		  __entry->write ? "write" : "read", __entry->iova, __entry->length,
		  __entry->error)
);

TRACE_EVENT(mdevsim_irq,
	TP_PROTO(const char *device, const char *kind, unsigned int vector, bool delivered),
	TP_ARGS(device, kind, vector, delivered),
	TP_STRUCT__entry(
		__string(device, device)
		__string(kind, kind)
		__field(unsigned int, vector)
		__field(bool, delivered)
	),
	TP_fast_assign(
		mdevsim_assign_str(device, device);
		mdevsim_assign_str(kind, kind);
		__entry->vector = vector;
		__entry->delivered = delivered;
	),
	TP_printk("%s %s vector=%u %s", __get_str(device), __get_str(kind), __entry->vector,
		  __entry->delivered ? "delivered" : "pending")
);

TRACE_EVENT(mdevsim_arc,
	TP_PROTO(const char *device, const char *from, const char *to, int error, u64 ns),
	TP_ARGS(device, from, to, error, ns),
	TP_STRUCT__entry(
		__string(device, device)
		__string(from, from)
		__string(to, to)
		__field(int, error)
		__field(u64, ns)
	),
	TP_fast_assign(
		mdevsim_assign_str(device, device);
		mdevsim_assign_str(from, from);
		mdevsim_assign_str(to, to);
		__entry->error = error;
		__entry->ns = ns;
	),
	TP_printk("%s %s -> %s error=%d ns=%llu", __get_str(device), __get_str(from),
		  __get_str(to), __entry->error, __entry->ns)
);

TRACE_EVENT(mdevsim_record,
	TP_PROTO(const char *device, const struct mdevsim_record *record, bool saving, int error),
	TP_ARGS(device, record, saving, error),
	TP_STRUCT__entry(
		__string(device, device)
		__string(type, mdevsim_state_stream_name(record->type))
		__field(u32, sequence)
		__field(u64, length)
		__field(bool, saving)
		__field(int, error)
	),
	TP_fast_assign(
		mdevsim_assign_str(device, device);
		mdevsim_assign_str(type, mdevsim_state_stream_name(record->type));
		__entry->sequence = record->sequence;
		__entry->length = record->length;
		__entry->saving = saving;
		__entry->error = error;
	),
	TP_printk("%s %s %s sequence=%u length=%llu error=%d", __get_str(device),
		  __entry->saving ? "save" : "load", __get_str(type), __entry->sequence,
		  __entry->length, __entry->error)
);

#endif /* MDEVSIM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
